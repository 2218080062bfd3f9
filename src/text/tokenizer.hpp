#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/text/vocabulary.hpp"

namespace lift {

/// The GPT-2 byte-level BPE, equal to HF's `GPT2Tokenizer` on every input in which special tokens are plain
/// text.
///
/// Method      pre-tokenisation by GPT-2's pattern
///             's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+  (Radford et al.
///             2019) with ICU's character classes, then merges by rank (Sennrich, Haddow and Birch 2016) with
///             a word cache.
/// Limits      an invalid UTF-8 byte is encoded by its byte symbol; a code point newer than ICU's tables
///             counts as neither letter nor number.
/// Cost        all of WikiText-2 (13 MB) in 0.5 s on one core, loading included.
/// Test        tests/src/text/test_tokenizer.cpp; against the `tokenizers` wheel under the label `wheels`.
class Tokenizer {
 public:
  /// Reads vocab.json and merges.txt of `folder`. Throws Error(input), naming file and line, if one is
  /// missing or not what it should be (see load_vocabulary).
  static Tokenizer load(const std::filesystem::path& folder);
  /// Learns a vocabulary of `vocabulary_size` ≥ 257 entries from `text`: 256 bytes, merges by frequency (ties
  /// to the smaller pair), and <|endoftext|> last. Used by the built-in example. Throws as train_vocabulary.
  static Tokenizer train(std::string_view text, int vocabulary_size);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// Appends the tokens of `text` to `out`; each is below size(). Thread-compatible: the word cache makes it
  /// non-const.
  void encode(std::string_view text, std::vector<Token>& out);
  /// The bytes that `tokens` stand for. Throws Error(internal) on a token that is not in the vocabulary.
  [[nodiscard]] std::string decode(const std::vector<Token>& tokens) const;
  [[nodiscard]] int size() const noexcept;           ///< entries of the vocabulary
  [[nodiscard]] Token end_of_text() const noexcept;  ///< id of <|endoftext|>
  /// Offset of the first invalid UTF-8 byte that encode() has met, counted over all texts it was given since
  /// load; −1 if none.
  [[nodiscard]] std::int64_t first_invalid_byte() const noexcept;
  /// 128-bit hash of all tokens and merges as hexadecimal digits: names what encode() does.
  [[nodiscard]] const std::string& fingerprint() const noexcept;
  /// Writes vocab.json and merges.txt in HF's form. Throws Error(write).
  void save(const std::filesystem::path& folder) const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lift
