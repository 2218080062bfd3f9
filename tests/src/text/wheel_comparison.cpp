// Checks the answers of the `tokenizers` wheel that wheel_comparison.py wrote against lift's tokenizer.
//
// A code point that ICU does not know yet is excepted: where the wheel's newer tables class it otherwise, it
// is counted, and so are the strings that hold one. Everything else must be equal.
#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "src/files/atomic_file.hpp"
#include "src/text/pretokenizer.hpp"
#include "src/text/tokenizer.hpp"

namespace {

using namespace lift;

constexpr char32_t kCodePoints = 0x110000;

/// Takes the file apart, front to back.
class CaseReader {
 public:
  explicit CaseReader(std::string_view content) : rest_(content) {}
  std::string_view bytes(std::size_t count) {
    if (count > rest_.size()) throw std::runtime_error("the file of cases ends early");
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::int64_t number() {
    std::int64_t value = 0;
    std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view text() { return bytes(static_cast<std::size_t>(number())); }
  std::vector<Token> tokens() {
    std::vector<Token> values(static_cast<std::size_t>(number()));
    if (values.empty()) return values;
    std::memcpy(values.data(), bytes(values.size() * sizeof(Token)).data(), values.size() * sizeof(Token));
    return values;
  }

 private:
  std::string_view rest_;
};

CharacterClass class_named(char name) {
  switch (name) {
    case 'L':
      return CharacterClass::letter;
    case 'N':
      return CharacterClass::number;
    case 'S':
      return CharacterClass::space;
    default:
      return CharacterClass::other;
  }
}

struct ClassCheck {
  std::vector<bool> newer;  ///< by code point: unknown to ICU, and of another class in the wheel
  int excepted = 0;
  int wrong = 0;
};

ClassCheck check_classes(std::string_view names) {
  const CharacterClasses classes;
  ClassCheck check{std::vector<bool>(kCodePoints)};
  for (char32_t c = 0; c < kCodePoints; ++c) {
    if (classes[c] == class_named(names[c])) continue;
    if (u_charType(static_cast<UChar32>(c)) == U_UNASSIGNED) {
      check.newer[c] = true;
      ++check.excepted;
    } else {
      ++check.wrong;
      fmt::print("U+{:04X} is {} for the wheel\n", static_cast<std::uint32_t>(c), names[c]);
    }
  }
  return check;
}

bool holds_newer(std::string_view text, const std::vector<bool>& newer) {
  const auto size = static_cast<std::int64_t>(text.size());
  for (std::int64_t at = 0; at < size;) {
    UChar32 code_point = 0;
    U8_NEXT(text, at, size, code_point);
    if (newer.at(static_cast<std::size_t>(code_point))) return true;
  }
  return false;
}

struct StringCheck {
  std::int64_t compared = 0;
  std::int64_t tokens = 0;
  std::int64_t excepted = 0;
  std::int64_t wrong = 0;
};

StringCheck check_strings(CaseReader& cases, Tokenizer& tokenizer, const std::vector<bool>& newer) {
  constexpr int kShown = 10;
  StringCheck check;
  const auto count = cases.number();
  for (std::int64_t k = 0; k < count; ++k) {
    const auto text = cases.text();
    const auto expected = cases.tokens();
    if (holds_newer(text, newer)) {
      ++check.excepted;
      continue;
    }
    std::vector<Token> tokens;
    tokenizer.encode(text, tokens);
    ++check.compared;
    check.tokens += static_cast<std::int64_t>(tokens.size());
    const bool equal = tokens == expected && tokenizer.decode(tokens) == text;
    if (!equal && check.wrong++ < kShown) fmt::print("string {} differs: {}\n", k, text);
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::runtime_error("usage: wheel_comparison TOKENIZER_FOLDER CASES");
  auto tokenizer = Tokenizer::load(argv[1]);
  const auto content = read_file(argv[2]);
  CaseReader cases(content);
  const auto classes = check_classes(cases.bytes(kCodePoints));
  fmt::print("classes: {} code points newer than Unicode {} excepted, {} wrong\n", classes.excepted,
             U_UNICODE_VERSION, classes.wrong);
  const auto strings = check_strings(cases, tokenizer, classes.newer);
  fmt::print("strings: {} compared ({} tokens), {} excepted for a newer code point, {} wrong\n",
             strings.compared, strings.tokens, strings.excepted, strings.wrong);
  return classes.wrong + strings.wrong == 0 && strings.compared > 0 ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "wheel_comparison: {}\n", error.what());
  return 1;
}
