#include <string>
#include <vector>

#include "src/files/atomic_file.hpp"
#include "src/text/merger.hpp"
#include "src/text/vocabulary.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/src/text/tiny_vocabulary.hpp"

namespace lift {
namespace {

/// vocab.json of the bytes, some joined tokens and <|endoftext|>, for inputs that are merges alone.
const std::string& good_vocabulary() {
  static const std::string text = [] {
    save_vocabulary(tiny_vocabulary({{" ", "t"}, {"h", "e"}, {" t", "he"}, {"a", "a"}, {"aa", "aa"}}),
                    fuzz_folder() / "good");
    return read_file(fuzz_folder() / "good" / "vocab.json");
  }();
  return text;
}

/// Whatever the merges, the tokens of a text must give it back.
void check_round_trip(const Vocabulary& vocabulary) {
  WordMerger merger(vocabulary);
  for (const std::string word : {" the", "aaaaaaa", "\xFF\n", "hehehe the"}) {
    std::vector<Token> tokens;
    merger.encode(word, tokens);
    std::string decoded;
    for (const Token token : tokens) decoded += vocabulary.tokens.at(static_cast<std::size_t>(token));
    require(decoded == word, "a word that is not given back");
  }
}

}  // namespace
}  // namespace lift

/// vocab.json, a zero byte and merges.txt; without a zero byte merges.txt alone, beside a good vocab.json.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lift;
  const auto text = text_of(data, size);
  const auto zero = text.find('\0');
  const bool merges_alone = zero == std::string_view::npos;
  put("vocab.json", merges_alone ? std::string_view(good_vocabulary()) : text.substr(0, zero));
  put("merges.txt", merges_alone ? text : text.substr(zero + 1));
  Vocabulary vocabulary;
  if (!is_parsed([&] { vocabulary = load_vocabulary(fuzz_folder()); })) return 0;
  check_round_trip(vocabulary);
  save_vocabulary(vocabulary, fuzz_folder() / "saved");
  require(fingerprint(load_vocabulary(fuzz_folder() / "saved")) == fingerprint(vocabulary),
          "another vocabulary when read back");
  return 0;
}
