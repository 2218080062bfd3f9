#include "src/text/corpus.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/src/text/corpus_test.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// ---- Preparation

TEST_F(CorpusTest, EncodesEachLineThatIsNotBlankAndAnEndOfText) {
  const auto text_of_lines = [this](std::string_view text) {
    return tokenizer_.decode(encode_lines(text, tokenizer_));
  };
  EXPECT_EQ(text_of_lines("one\n \n\n two\r\n\t\nthree"),
            "one\n<|endoftext|> two\r\n<|endoftext|>three<|endoftext|>");
  EXPECT_THAT(encode_lines("a\n", tokenizer_), ElementsAre(64, 198, tokenizer_.end_of_text()));
  EXPECT_THAT(encode_lines("", tokenizer_), IsEmpty());
  EXPECT_THAT(encode_lines(" \n\n", tokenizer_), IsEmpty());
}

TEST_F(CorpusTest, CutsTheTextIntoSequencesAndDropsTheRemainder) {
  write("train.txt", "abc\nde\n");  // a b c ⏎ ∎ d e ⏎ ∎
  const auto set = load(options(4));
  ASSERT_EQ(set.size(), 2);
  EXPECT_EQ(set.length(), 4);
  EXPECT_EQ(text_of(set, 0), "abc\n");
  EXPECT_EQ(text_of(set, 1), "<|endoftext|>de\n");
}

TEST_F(CorpusTest, TakesTheFirstSequencesOfItsLimit) {
  for (const auto* const name : {"train.txt", "valid.txt"}) write(name, "abcdefghijk\n");  // 13 tokens
  auto limited = options(3);
  limited.limit = 2;
  limited.train_limit = 3;
  EXPECT_EQ(load(limited, Split::train).size(), 3);
  EXPECT_EQ(load(limited, Split::valid).size(), 2);
  EXPECT_EQ(text_of(load(limited, Split::valid), 1), "def");
  limited.limit = 99;
  EXPECT_EQ(load(limited, Split::valid).size(), 4);
}

TEST_F(CorpusTest, PrefersTheWikiFileOfASplit) {
  write("wiki.valid.raw", "wiki\n");
  write("valid.txt", "text\n");
  write("test.txt", "text\n");
  EXPECT_EQ(split_file(folder_.path(), Split::valid).filename(), "wiki.valid.raw");
  EXPECT_EQ(split_file(folder_.path(), Split::test).filename(), "test.txt");
}

TEST(SequenceSet, GivesItsFirstSequences) {
  const SequenceSet set({0, 1, 2, 3, 4, 5, 6}, 2);
  EXPECT_EQ(set.size(), 3);
  EXPECT_THAT(set[2], ElementsAre(4, 5));
  EXPECT_EQ(set.first(2).size(), 2);
  EXPECT_THAT(set.first(2)[1], ElementsAre(2, 3));
  EXPECT_EQ(set.first(9).size(), 3);
  EXPECT_EQ(set.first(0).size(), 0);
}

TEST(SequenceSet, SpreadsOverTheWhole) {
  const SequenceSet set({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 2);
  const SequenceSet three = set.spread(3);
  ASSERT_EQ(three.size(), 3);
  EXPECT_THAT(three[0], ElementsAre(0, 1));
  EXPECT_THAT(three[1], ElementsAre(2, 3));
  EXPECT_THAT(three[2], ElementsAre(6, 7));
  EXPECT_EQ(set.spread(1).size(), 1);
  ASSERT_EQ(set.spread(9).size(), 5);
  EXPECT_THAT(set.spread(9)[4], ElementsAre(8, 9));
}

TEST(Split, IsNamed) {
  for (const auto split : {Split::train, Split::valid, Split::test})
    EXPECT_EQ(split_from(to_string(split)), split);
  EXPECT_THROW(split_from("validation"), Error);
}

TEST(CacheFolder, FollowsTheEnvironment) {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const std::string before = cache == nullptr ? "" : cache;
  setenv("XDG_CACHE_HOME", "/somewhere", 1);
  EXPECT_EQ(default_cache_folder(), "/somewhere/lift");
  setenv("XDG_CACHE_HOME", "not/absolute", 1);
  const auto fallback = default_cache_folder();
  EXPECT_TRUE(fallback.empty() || fallback.string().ends_with("/.cache/lift")) << fallback;
  cache == nullptr ? unsetenv("XDG_CACHE_HOME") : setenv("XDG_CACHE_HOME", before.c_str(), 1);
}

// ---- What is refused, on all ranks alike

TEST_F(CorpusTest, RefusesAMissingFolderOrSplitNamingWhatItLookedFor) {
  EXPECT_THAT(refusal(options(4), ExitCode::input),
              AllOf(HasSubstr(folder_.path().string() + ": no train split"),
                    HasSubstr("expected wiki.train.raw, train.txt, train.jsonl, train.bin, ")));
  auto elsewhere = options(4);
  elsewhere.folder = folder_ / "absent";
  EXPECT_THAT(refusal(elsewhere, ExitCode::input), HasSubstr("absent: no such folder"));
  if (world_.is_root()) std::filesystem::create_directory(folder_ / "train.txt");
  world_.barrier();
  EXPECT_THAT(refusal(options(4), ExitCode::input), HasSubstr("train.txt: is a folder, expected a file"));
}

TEST_F(CorpusTest, RefusesASplitShorterThanOneSequence) {
  write("train.txt", "abc\n");
  EXPECT_EQ(load(options(5)).size(), 1);
  EXPECT_THAT(refusal(options(6), ExitCode::input),
              HasSubstr("train.txt: 5 tokens, expected at least one sequence of 6"));
  write("train.txt", "");
  EXPECT_THAT(refusal(options(6), ExitCode::input), HasSubstr("train.txt: 0 tokens"));
  EXPECT_THAT(refusal(options(1), ExitCode::usage), HasSubstr("--length 1: expected at least 2"));
}

TEST_F(CorpusTest, WarnsOnceOfInvalidUtf8CachedOrNot) {
  write("train.txt", "abc\n\xFFx\xFE\n");
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(text_of(load(options(8)), 0), "abc\n<|endoftext|>\xFFx\xFE");
  }
  if (!world_.is_root()) return;
  ASSERT_THAT(warnings_, SizeIs(2));
  EXPECT_THAT(warnings_[1], AllOf(HasSubstr("train.txt"), HasSubstr("invalid UTF-8 at byte 4")));
}

// ---- The cache

TEST_F(CorpusTest, ReadsFromTheCacheWhatItHasPublished) {
  write("train.txt", "abcdef\n");
  const auto first = load(options(4));
  const auto entries = cached();
  world_.barrier();
  ASSERT_THAT(entries, SizeIs(1));
  const auto written = std::filesystem::last_write_time(entries.front());
  const auto second = load(options(3));  // another length, the same tokens
  EXPECT_THAT(cached(), SizeIs(1));
  EXPECT_EQ(std::filesystem::last_write_time(entries.front()), written);
  EXPECT_EQ(text_of(first, 0) + "ef", text_of(second, 0) + text_of(second, 1));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(CorpusTest, KeepsAnotherTextApart) {
  write("train.txt", "abcdef\n");
  load(options(4));
  write("train.txt", "ABCDEF\n");
  EXPECT_EQ(text_of(load(options(4)), 0), "ABCD");
  EXPECT_THAT(cached(), SizeIs(2));
}

TEST_F(CorpusTest, ReplacesADamagedEntryWithAWarning) {
  write("train.txt", "abcdef\n");
  load(options(4));
  const auto entry = cached().front();
  const auto good = read_file(entry);
  world_.barrier();
  auto flipped = good;
  flipped.back() ^= 1;
  const std::vector<std::string> damaged{"", good.substr(0, 40), good.substr(0, good.size() - 4),
                                         good + "more", flipped};
  for (const auto& content : damaged) {
    warnings_.clear();
    if (world_.is_root()) write_file(entry, content);
    EXPECT_EQ(text_of(load(options(4)), 0), "abcd");
    EXPECT_EQ(read_file(entry), good);
    world_.barrier();
    EXPECT_THAT(warnings_, on_root_only(HasSubstr("damaged token cache entry")));
  }
}

TEST_F(CorpusTest, DoesWithoutACacheThatCannotBeWritten) {
  write("train.txt", "abcdef\n");
  write("file", "");
  auto uncached = options(4);
  uncached.cache = folder_ / "file" / "cache";
  EXPECT_EQ(text_of(load(uncached), 0), "abcd");
  EXPECT_THAT(warnings_, on_root_only(HasSubstr("tokens are not cached")));
  warnings_.clear();
  uncached.cache.clear();
  EXPECT_EQ(text_of(load(uncached), 0), "abcd");
  EXPECT_THAT(warnings_, IsEmpty());
}

// ---- Real text

TEST_F(CorpusTest, GivesWikiText2ItsKnownSizes) {
  const auto data = shared_folder() / "data";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << "no " << data;
  auto tokenizer = Tokenizer::load(data / "gpt2-tokenizer");
  const auto tokens = [&](const std::string& split) {
    return encode_lines(read_file(data / "wikitext-2-raw" / ("wiki." + split + ".raw")), tokenizer).size();
  };
  if (world_.is_root()) {
    EXPECT_EQ(tokens("train"), 2'415'651U);
    EXPECT_EQ(tokens("valid"), 249'750U);
    EXPECT_EQ(tokens("test"), 286'178U);
  }
  auto wikitext = options(512);
  wikitext.folder = data / "wikitext-2-raw";
  std::vector<std::int64_t> sizes;
  for (const auto split : {Split::train, Split::valid, Split::test}) {
    const auto set = load_split(wikitext, split, tokenizer, world_);
    sizes.push_back(set.size());
    const auto sum = [&] {
      std::int64_t total = 0;
      for (std::int64_t i = 0; i < set.size(); ++i) {
        for (const Token token : set[i]) total += token;
      }
      return total;
    }();
    EXPECT_EQ(max_over_ranks(sum, world_), sum) << "other tokens on another rank";
  }
  EXPECT_THAT(sizes, ElementsAre(4718, 487, 558));
}

}  // namespace
}  // namespace lift
