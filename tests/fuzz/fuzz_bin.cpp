#include <algorithm>
#include <span>

#include "src/text/token_files.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace lift {
namespace {

void read(const std::filesystem::path& path, std::size_t bytes) {
  constexpr int kVocabulary = 50257;
  const TokenFiles files({path});
  require(files.size() >= 0 && static_cast<std::size_t>(files.size()) * 2 <= bytes, "too many tokens");
  const auto tokens = files.first(files.size(), kVocabulary);
  require(static_cast<std::int64_t>(tokens.size()) == files.size(), "another number of tokens");
  require(std::ranges::all_of(tokens, [](Token t) { return t >= 0 && t < kVocabulary; }), "a wrong token");
  const auto half = files.first(files.size() / 2, kVocabulary);
  require(std::ranges::equal(half, std::span(tokens).first(half.size())), "other tokens when fewer are read");
}

}  // namespace
}  // namespace lift

/// One file of tokens, under a name that may be nanoGPT's and under one that is llm.c's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lift;
  for (const auto* const name : {"train.bin", "set_train_000001.bin"}) {
    const auto path = put(name, text_of(data, size));
    is_parsed([&] { read(path, size); });
  }
  return 0;
}
