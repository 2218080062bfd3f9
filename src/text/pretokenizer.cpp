#include "src/text/pretokenizer.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

namespace lift {
namespace {

UBool mark_range(const void* context, UChar32 begin, UChar32 end, UCharCategory category) {
  auto& classes = **static_cast<std::vector<CharacterClass>* const*>(context);
  const auto mask = U_MASK(category);
  const auto kind = (mask & U_GC_L_MASK) != 0   ? CharacterClass::letter
                    : (mask & U_GC_N_MASK) != 0 ? CharacterClass::number
                                                : CharacterClass::other;
  std::fill(classes.begin() + begin, classes.begin() + end, kind);
  return true;
}

}  // namespace

CharacterClasses::CharacterClasses() : classes_(kInvalid + 1, CharacterClass::other) {
  auto* const classes = &classes_;
  u_enumCharTypes(mark_range, &classes);
  constexpr UChar32 kLastSpace = 0x3000;
  for (UChar32 c = 0; c <= kLastSpace; ++c) {
    if (u_isUWhiteSpace(c)) classes_[c] = CharacterClass::space;
  }
}

WordScanner::Character WordScanner::character_at(std::int64_t offset) noexcept {
  UChar32 code_point = 0;
  std::int64_t end = offset;
  U8_NEXT(text_, end, size(), code_point);
  if (code_point >= 0) return {classes_[static_cast<char32_t>(code_point)], end};
  if (first_invalid_ < 0) first_invalid_ = offset;
  return {classes_[CharacterClasses::kInvalid], end};
}

std::int64_t WordScanner::end_of_contraction() const noexcept {
  constexpr std::array<std::string_view, 7> kContractions{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  if (text_[at_] != '\'') return at_;
  const auto rest = text_.substr(at_);
  for (const auto contraction : kContractions) {
    if (rest.starts_with(contraction)) return at_ + static_cast<std::int64_t>(contraction.size());
  }
  return at_;
}

std::int64_t WordScanner::end_of_run(std::int64_t offset, CharacterClass kind) noexcept {
  while (offset < size()) {
    const auto character = character_at(offset);
    if (character.kind != kind) break;
    offset = character.end;
  }
  return offset;
}

// \s+(?!\S)|\s+ : white space before a word leaves its last character to that word.
std::int64_t WordScanner::end_of_space() noexcept {
  std::int64_t last = at_;
  std::int64_t end = at_;
  while (end < size()) {
    const auto character = character_at(end);
    if (character.kind != CharacterClass::space) break;
    last = end;
    end = character.end;
  }
  return end == size() || last == at_ ? end : last;
}

std::int64_t WordScanner::end_of_word() noexcept {
  if (const auto end = end_of_contraction(); end > at_) return end;
  const auto first = character_at(at_);
  if (first.kind != CharacterClass::space) return end_of_run(first.end, first.kind);
  if (text_[at_] == ' ' && first.end < size()) {
    const auto second = character_at(first.end);
    if (second.kind != CharacterClass::space) return end_of_run(second.end, second.kind);
  }
  return end_of_space();
}

std::string_view WordScanner::next() noexcept {
  if (at_ == size()) return {};
  const auto begin = at_;
  at_ = end_of_word();
  return text_.substr(begin, at_ - begin);
}

bool is_blank(std::string_view text) noexcept {
  const auto size = static_cast<std::int64_t>(text.size());
  for (std::int64_t at = 0; at < size;) {
    UChar32 code_point = 0;
    U8_NEXT(text, at, size, code_point);
    if (code_point < 0 || !u_isUWhiteSpace(code_point)) return false;
  }
  return true;
}

std::int64_t first_invalid_utf8(std::string_view text) noexcept {
  const auto size = static_cast<std::int64_t>(text.size());
  for (std::int64_t at = 0; at < size;) {
    const auto begin = at;
    UChar32 code_point = 0;
    U8_NEXT(text, at, size, code_point);
    if (code_point < 0) return begin;
  }
  return -1;
}

}  // namespace lift
