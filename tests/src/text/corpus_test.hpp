#pragma once
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/text/corpus.hpp"
#include "tests/src/text/tiny_vocabulary.hpp"
#include "tests/support/shared.hpp"

namespace lift {

/// Every byte a token ('a' is 64), and <|endoftext|>, which is 256.
inline Tokenizer byte_tokenizer() {
  const Communicator self = Communicator::self();
  const TempFolder folder(self);
  save_vocabulary(tiny_vocabulary({}), folder.path());
  return Tokenizer::load(folder.path());
}

/// A data folder and a cache folder that all ranks see.
class CorpusTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    if (world_.is_root()) write_file(folder_ / name, text);
    world_.barrier();
  }

  CorpusOptions options(int length) {
    return {.folder = folder_.path(),
            .cache = folder_ / "cache",
            .length = length,
            .limit = {},
            .train_limit = {},
            .warn = [this](const std::string& line) { warnings_.push_back(line); }};
  }

  SequenceSet load(const CorpusOptions& options, Split split = Split::train) {
    return load_split(options, split, tokenizer_, world_);
  }

  std::string refusal(const CorpusOptions& options, ExitCode code, Split split = Split::train) {
    try {
      load(options, split);
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), code);
      return error.what();
    }
    return "";
  }

  /// One warning on rank 0, none elsewhere.
  testing::Matcher<std::vector<std::string>> on_root_only(
      const testing::Matcher<std::string>& warning) const {
    if (world_.is_root()) return testing::ElementsAre(warning);
    return testing::IsEmpty();
  }

  /// Entries of the cache folder.
  std::vector<std::filesystem::path> cached() const {
    std::vector<std::filesystem::path> entries;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "cache")) entries.push_back(entry);
    return entries;
  }

  std::string text_of(const SequenceSet& set, std::int64_t i) const {
    return tokenizer_.decode({set[i].begin(), set[i].end()});
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
  Tokenizer tokenizer_ = byte_tokenizer();
  std::vector<std::string> warnings_;
};

}  // namespace lift
