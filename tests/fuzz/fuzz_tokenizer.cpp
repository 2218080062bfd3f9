#include <string>
#include <vector>

#include "src/text/corpus.hpp"
#include "src/text/pretokenizer.hpp"
#include "src/text/tokenizer.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace lift {
namespace {

Tokenizer trained() {
  constexpr int kEntries = 330;
  return Tokenizer::train(
      "It's the first of the texts that they've read; we'll see what I'd do with 1234 or 12 of them. "
      "\xC3\xBC\xC3\xBC \xE4\xB8\xAD\xE6\x96\x87 \xE4\xB8\xAD\xE6\x96\x87 the   the\t\tthe\n\nthe other, "
      "and then another one: there, here, where? Nowhere! (something) [anything] <nothing>",
      kEntries);
}

/// The words joined must be the text, and the first invalid byte that of the other check.
void check_words(std::string_view text) {
  static const CharacterClasses classes;
  WordScanner scanner(text, classes);
  std::string joined;
  for (auto word = scanner.next(); !word.empty(); word = scanner.next()) joined += word;
  require(joined == text, "words that do not join to the text");
  require(scanner.first_invalid_byte() == first_invalid_utf8(text), "another first invalid byte");
}

void check_lines(std::string_view text, Tokenizer& tokenizer) {
  std::string expected;
  for (std::string_view rest = text; !rest.empty();) {
    const auto line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
    rest.remove_prefix(line.size());
    if (!is_blank(line)) expected.append(line).append(kEndOfText);
  }
  require(tokenizer.decode(encode_lines(text, tokenizer)) == expected, "lines that are not given back");
}

}  // namespace
}  // namespace lift

/// Any bytes as text: its tokens must give it back, as a whole and line by line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lift;
  static Tokenizer tokenizer = trained();
  const auto text = text_of(data, size);
  check_words(text);
  std::vector<Token> tokens;
  tokenizer.encode(text, tokens);
  require(tokenizer.decode(tokens) == text, "a text that is not given back");
  check_lines(text, tokenizer);
  return 0;
}
