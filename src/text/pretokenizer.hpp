#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace lift {

/// What GPT-2's pattern tells apart: \p{L}, \p{N}, \s and [^\s\p{L}\p{N}].
enum class CharacterClass : std::uint8_t { other, letter, number, space };

/// The class of every code point by ICU's tables: general categories L* and N*, property White_Space.
///
/// A code point that ICU does not know, and the stand-in for an invalid byte, is `other`.
class CharacterClasses {
 public:
  static constexpr char32_t kInvalid = 0x110000;  ///< stands for a byte that belongs to no code point

  CharacterClasses();
  CharacterClass operator[](char32_t code_point) const noexcept { return classes_[code_point]; }

 private:
  std::vector<CharacterClass> classes_;
};

/// Cuts a text into the words that byte-pair merges never cross, by GPT-2's pattern
///   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// Example  "It's  2 o'clock\n" is  It · 's · ␠ · ␠2 · ␠o · ' · clock · \n.
///
/// Ownership   `text` and `classes` must outlive it; words are views into `text`.
/// Cost        O(bytes of the word) a word.
///
/// Test        tests/src/text/test_pretokenizer.cpp
class WordScanner {
 public:
  WordScanner(std::string_view text, const CharacterClasses& classes) noexcept
      : text_(text), classes_(classes) {}
  /// The next word; empty at the end of the text only. All words joined are the text.
  std::string_view next() noexcept;
  /// Offset of the first invalid UTF-8 byte passed so far, −1 if none.
  [[nodiscard]] std::int64_t first_invalid_byte() const noexcept { return first_invalid_; }

 private:
  struct Character {
    CharacterClass kind;
    std::int64_t end;  ///< offset of the byte behind it
  };
  [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(text_.size()); }
  [[nodiscard]] Character character_at(std::int64_t offset) noexcept;
  [[nodiscard]] std::int64_t end_of_contraction() const noexcept;
  [[nodiscard]] std::int64_t end_of_run(std::int64_t offset, CharacterClass kind) noexcept;
  [[nodiscard]] std::int64_t end_of_space() noexcept;
  [[nodiscard]] std::int64_t end_of_word() noexcept;

  std::string_view text_;
  const CharacterClasses& classes_;
  std::int64_t at_ = 0;
  std::int64_t first_invalid_ = -1;
};

/// Whether `text` has no character but white space (\s).
bool is_blank(std::string_view text) noexcept;

/// Offset of the first byte of `text` that is not part of well-formed UTF-8, −1 if there is none.
std::int64_t first_invalid_utf8(std::string_view text) noexcept;

}  // namespace lift
