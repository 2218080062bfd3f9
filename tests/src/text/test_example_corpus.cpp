#include "src/text/example_corpus.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "src/files/atomic_file.hpp"
#include "src/text/corpus.hpp"
#include "src/text/example_lexicon.hpp"
#include "src/text/pretokenizer.hpp"
#include "src/text/tokenizer.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

ExampleOptions small_example() {
  return {.pretrain_train_bytes = 200'000,
          .pretrain_valid_bytes = 20'000,
          .train_bytes = 40'000,
          .valid_bytes = 20'000,
          .test_bytes = 20'000,
          .vocabulary = 512};
}

std::set<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

/// Share of the words of `text` that are in `known`.
double share_known(const std::string& text, const std::set<std::string>& known) {
  std::istringstream words(text);
  int all = 0;
  int found = 0;
  for (std::string word; words >> word; ++all) found += known.contains(word) ? 1 : 0;
  return static_cast<double>(found) / all;
}

TEST(ExampleCorpus, IsAPureFunctionOfTheSeed) {
  const auto one = make_example_corpus(5, small_example());
  const auto same = make_example_corpus(5, small_example());
  const auto other = make_example_corpus(6, small_example());
  EXPECT_EQ(one.pretrain_train, same.pretrain_train);
  EXPECT_EQ(one.test, same.test);
  EXPECT_NE(one.test, other.test);
}

TEST(ExampleCorpus, GrowsByAppending) {
  auto larger = small_example();
  larger.train_bytes *= 2;
  const auto small = make_example_corpus(5, small_example());
  const auto grown = make_example_corpus(5, larger);
  EXPECT_TRUE(grown.train.starts_with(small.train));
  EXPECT_EQ(grown.valid, small.valid);
}

TEST(ExampleCorpus, HasTheSizesAskedFor) {
  constexpr std::size_t kLongestArticle = 12'000;
  const auto options = small_example();
  const auto corpus = make_example_corpus(5, options);
  const auto expect_size = [&](const std::string& text, std::int64_t bytes) {
    EXPECT_GE(text.size(), static_cast<std::size_t>(bytes));
    EXPECT_LT(text.size(), static_cast<std::size_t>(bytes) + kLongestArticle);
  };
  expect_size(corpus.pretrain_train, options.pretrain_train_bytes);
  expect_size(corpus.pretrain_valid, options.pretrain_valid_bytes);
  expect_size(corpus.train, options.train_bytes);
  expect_size(corpus.valid, options.valid_bytes);
  expect_size(corpus.test, options.test_bytes);
}

TEST(ExampleCorpus, HasTextsThatShareALanguageButNotTheirArticles) {
  const auto corpus = make_example_corpus(5, small_example());
  EXPECT_EQ(corpus.test.find(corpus.train.substr(0, 300)), std::string::npos);
  EXPECT_EQ(corpus.test.find(corpus.valid.substr(0, 300)), std::string::npos);
  const auto pretrained = words_of(corpus.pretrain_train);
  const auto tuned = words_of(corpus.train);
  EXPECT_GT(share_known(corpus.pretrain_valid, pretrained), 0.95);
  EXPECT_GT(share_known(corpus.test, tuned), share_known(corpus.pretrain_valid, tuned) + 0.2)
      << "fine-tuning text is on topics of its own";
  EXPECT_GT(share_known(corpus.test, tuned), 0.8);
}

TEST(ExampleCorpus, IsWrittenAsFoldersThatLoad) {
  const Communicator self = Communicator::self();
  const TempFolder folder(self);
  write_example(folder.path(), 5, small_example());
  const auto corpus = make_example_corpus(5, small_example());
  EXPECT_EQ(read_file(folder.path() / "finetune" / "test.txt"), corpus.test);
  auto tokenizer = Tokenizer::load(folder / "tokenizer");
  EXPECT_EQ(tokenizer.size(), 512);
  CorpusOptions options{
      .folder = folder / "pretrain", .cache = {}, .length = 64, .limit = {}, .train_limit = {}, .warn = {}};
  EXPECT_GT(load_split(options, Split::train, tokenizer, self).size(), 500);
  EXPECT_GT(load_split(options, Split::valid, tokenizer, self).size(), 50);
  options.folder = folder / "finetune";
  for (const auto split : {Split::train, Split::valid, Split::test}) {
    EXPECT_GT(load_split(options, split, tokenizer, self).size(), 50);
  }
}

TEST(ExampleCorpus, IsNotWrittenBelowAFile) {
  const Communicator self = Communicator::self();
  const TempFolder folder(self);
  write_file(folder / "file", "");
  EXPECT_THROW(write_example(folder / "file", 5, small_example()), Error);
}

TEST(ExampleLexicon, InflectsLikeEnglishAndRepeatsNoWord) {
  const auto lexicon = make_example_lexicon(Philox(5, RandomStream::corpus), 10);
  const auto verb = [&](const std::string& base) {
    const auto& verbs = lexicon.everyday.verbs;
    return *std::find_if(verbs.begin(), verbs.end(), [&](const auto& v) { return v.base == base; });
  };
  EXPECT_EQ(verb("carry").third, "carries");
  EXPECT_EQ(verb("carry").past, "carried");
  EXPECT_EQ(verb("destroy").third, "destroys");
  EXPECT_EQ(verb("notice").past, "noticed");
  EXPECT_EQ(verb("notice").gerund, "noticing");
  EXPECT_EQ(verb("watch").third, "watches");
  std::set<std::string> nouns;
  for (const auto& topic : lexicon.topics) {
    for (const auto& noun : topic.nouns) EXPECT_TRUE(nouns.insert(noun.singular).second) << noun.singular;
  }
  EXPECT_EQ(nouns.size(), 480U);
}

}  // namespace
}  // namespace lift
