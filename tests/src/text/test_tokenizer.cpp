#include "src/text/tokenizer.hpp"

#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "src/text/merger.hpp"
#include "src/text/trainer.hpp"
#include "tests/src/text/tiny_vocabulary.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::ElementsAre;

std::vector<Token> encode(Tokenizer& tokenizer, std::string_view text) {
  std::vector<Token> tokens;
  tokenizer.encode(text, tokens);
  return tokens;
}

Tokenizer tiny_tokenizer(std::initializer_list<std::pair<std::string, std::string>> merges) {
  const Communicator self = Communicator::self();
  const TempFolder folder(self);
  save_vocabulary(tiny_vocabulary(merges), folder.path());
  return Tokenizer::load(folder.path());
}

/// Bytes of all values, in runs that repeat so that merges and the word cache meet them again.
std::string random_bytes(std::uint64_t sequence, int count) {
  const Philox philox(7, RandomStream::test);
  std::string bytes;
  for (int k = 0; k < count; ++k) {
    const auto bits = philox.bits(sequence, static_cast<std::uint64_t>(k));
    bytes.append(1 + bits % 3, static_cast<char>((bits >> 8U) % (bits % 2 == 0 ? 256 : 128)));
  }
  return bytes;
}

/// Byte-pair merges by their definition: look at all neighbours, join the best, start over. O(n³).
std::vector<Token> encode_by_definition(const Vocabulary& vocabulary, std::string_view word) {
  std::map<std::pair<Token, Token>, std::size_t> rank;
  for (std::size_t r = 0; r < vocabulary.merges.size(); ++r) {
    rank[{vocabulary.merges[r].left, vocabulary.merges[r].right}] = r;
  }
  std::vector<Token> tokens;
  for (const char byte : word) {
    tokens.push_back(static_cast<Token>(bytes_in_id_order().find(byte)));
  }
  while (true) {
    auto best = vocabulary.merges.size();
    std::size_t at = 0;
    for (std::size_t k = 0; k + 1 < tokens.size(); ++k) {
      const auto found = rank.find({tokens[k], tokens[k + 1]});
      if (found == rank.end() || found->second >= best) continue;
      best = found->second;
      at = k;
    }
    if (best == vocabulary.merges.size()) return tokens;
    tokens[at] = vocabulary.merges[best].joined;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

const std::string kProse =
    "The old road crossed the river near the old bridge, and the road's stones were older than the bridge's. "
    "There the river runs under the road; there the stones of the older road are.\n";

// ---- A small vocabulary by hand

TEST(Tokenizer, MergesByRankAndTheLeftmostFirst) {
  auto tokenizer = tiny_tokenizer({{"a", "b"}, {"b", "c"}, {"a", "a"}, {"ab", "c"}});
  EXPECT_EQ(tokenizer.size(), 261);
  EXPECT_EQ(tokenizer.end_of_text(), 260);
  EXPECT_THAT(encode(tokenizer, "abc"), ElementsAre(259));  // ab before bc, then ab·c
  EXPECT_THAT(encode(tokenizer, "bc"), ElementsAre(257));
  EXPECT_THAT(encode(tokenizer, "aaa"), ElementsAre(258, 64));      // the leftmost aa
  EXPECT_THAT(encode(tokenizer, "aab"), ElementsAre(64, 256));      // ab has the lower rank
  EXPECT_THAT(encode(tokenizer, "a b"), ElementsAre(64, 220, 65));  // never across words
}

TEST(Tokenizer, EncodesALiteralEndOfTextAsPlainText) {
  auto tokenizer = tiny_tokenizer({});
  const auto tokens = encode(tokenizer, kEndOfText);
  EXPECT_EQ(tokens.size(), kEndOfText.size());
  EXPECT_EQ(tokenizer.decode(tokens), kEndOfText);
  EXPECT_EQ(tokenizer.decode({tokenizer.end_of_text()}), kEndOfText);
}

TEST(Tokenizer, EncodesAMegabyteWithoutAWordBoundary) {
  auto tokenizer = tiny_tokenizer({{"a", "a"}, {"aa", "aa"}});
  constexpr int kLetters = 1 << 20;
  const std::vector<Token> expected(kLetters / 4, 257);
  EXPECT_EQ(encode(tokenizer, std::string(kLetters, 'a')), expected);
}

TEST(Tokenizer, CountsTheFirstInvalidByteOverAllTexts) {
  auto tokenizer = tiny_tokenizer({});
  encode(tokenizer, "caf\u00E9");
  EXPECT_EQ(tokenizer.first_invalid_byte(), -1);
  EXPECT_EQ(encode(tokenizer, "ab\xFF"), (std::vector<Token>{64, 65, 187}));
  EXPECT_EQ(tokenizer.first_invalid_byte(), 7);
  encode(tokenizer, "\xFE");
  EXPECT_EQ(tokenizer.first_invalid_byte(), 7);
}

TEST(Tokenizer, GivesBackAnyBytes) {
  auto tokenizer = tiny_tokenizer({{"a", "b"}, {" ", "a"}, {"\xC3", "\xA9"}, {"\xFF", "\xFF"}});
  for (std::uint64_t sequence = 0; sequence < 200; ++sequence) {
    const auto bytes = random_bytes(sequence, 300);
    EXPECT_EQ(tokenizer.decode(encode(tokenizer, bytes)), bytes);
    EXPECT_EQ(tokenizer.decode(encode(tokenizer, bytes)), bytes) << "from the word cache";
  }
}

TEST(Tokenizer, RefusesToDecodeWhatIsNoToken) {
  const auto tokenizer = tiny_tokenizer({});
  EXPECT_THROW((void)tokenizer.decode({tokenizer.size()}), Error);
  EXPECT_THROW((void)tokenizer.decode({-1}), Error);
}

// ---- Learnt vocabularies

TEST(Tokenizer, LearnsTheMostFrequentPairsFirst) {
  // Every pair is there three times; h = 71 is smaller than t = 83 and the space, 220.
  const auto vocabulary = train_vocabulary(" the the the", 260);
  ASSERT_EQ(vocabulary.merges.size(), 3U);
  EXPECT_EQ(vocabulary.tokens[256], "he");
  EXPECT_EQ(vocabulary.tokens[257], "the");
  EXPECT_EQ(vocabulary.tokens[258], " the");
  EXPECT_EQ(vocabulary.tokens[259], kEndOfText);
}

TEST(Tokenizer, LearnsTheSameTwiceAndSavesWhatItLearnt) {
  const Communicator self = Communicator::self();
  const TempFolder folder(self);
  auto first = Tokenizer::train(kProse, 300);
  auto second = Tokenizer::train(kProse, 300);
  EXPECT_EQ(first.size(), 300);
  EXPECT_EQ(first.fingerprint(), second.fingerprint());
  first.save(folder.path());
  auto loaded = Tokenizer::load(folder.path());
  EXPECT_EQ(loaded.fingerprint(), first.fingerprint());
  EXPECT_EQ(encode(loaded, kProse), encode(first, kProse));
  EXPECT_LT(encode(first, kProse).size(), kProse.size() / 2);
}

TEST(Tokenizer, LearnsOneTokenForBytesThatTwoMergesLeadTo) {
  std::string text;
  for (int k = 0; k < 9; ++k) text += "ab abc bc xabc ";
  const auto vocabulary = train_vocabulary(text, 264);
  for (std::size_t one = 0; one < vocabulary.tokens.size(); ++one) {
    for (std::size_t other = 0; other < one; ++other)
      EXPECT_NE(vocabulary.tokens[one], vocabulary.tokens[other]);
  }
}

TEST(Tokenizer, RefusesAVocabularyThatTheTextCannotFill) {
  EXPECT_THROW(Tokenizer::train(kProse, 256), Error);
  EXPECT_THROW(Tokenizer::train("ab", 1000), Error);
}

TEST(WordMerger, DoesWhatTheDefinitionSays) {
  const auto vocabulary = train_vocabulary(kProse, 310);
  WordMerger merger(vocabulary);
  const Philox philox(11, RandomStream::test);
  for (std::uint64_t sequence = 0; sequence < 2000; ++sequence) {
    const auto begin = philox.bits(sequence, 0) % kProse.size();
    auto word = kProse.substr(begin, 1 + philox.bits(sequence, 1) % 24);
    word[philox.bits(sequence, 2) % word.size()] = 'e';
    std::vector<Token> tokens;
    merger.encode(word, tokens);
    EXPECT_EQ(tokens, encode_by_definition(vocabulary, word)) << word;
  }
}

// ---- GPT-2's vocabulary: ids from the `tokenizers` wheel 0.22.2

class Gpt2Tokenizer : public testing::Test {
 protected:
  void SetUp() override {
    const auto folder = shared_folder() / "data" / "gpt2-tokenizer";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no GPT-2 vocabulary in " << folder;
    tokenizer_.emplace(Tokenizer::load(folder));
  }
  std::optional<Tokenizer> tokenizer_;
};

TEST_F(Gpt2Tokenizer, HasItsSizeAndEndOfText) {
  EXPECT_EQ(tokenizer_->size(), 50257);
  EXPECT_EQ(tokenizer_->end_of_text(), 50256);
}

TEST_F(Gpt2Tokenizer, EncodesTrickyTextsAsHfDoes) {
  struct Case {
    std::string_view text;
    std::vector<Token> tokens;
  };
  using namespace std::string_view_literals;
  const std::vector<Case> cases{
      {"Hello, world!"sv, {15496, 11, 995, 0}},
      {"I'll say it's THEY'RE don't 'tis we\342\200\231ve"sv,
       {40, 1183, 910, 340, 338, 33302, 6, 2200, 836, 470, 705, 48010, 356, 447, 247, 303}},
      {" leading   runs \n\n of\t\tspace  "sv,
       {3756, 220, 220, 4539, 220, 628, 286, 197, 197, 13200, 220, 220}},
      {"a\302\240b\343\200\200 c\342\200\213\302\205d\341\240\216\357\273\277"sv,
       {64, 1849, 65, 5099, 222, 269, 9525, 126, 227, 67, 157, 254, 236, 171, 119, 123}},
      {"<|endoftext|>"sv, {27, 91, 437, 1659, 5239, 91, 29}},
      {"na\303\257ve \303\205ngstr\303\266m e\314\201"sv,
       {2616, 38776, 6184, 227, 782, 2536, 9101, 76, 304, 136, 223}},
      {"\346\274\242\345\255\227 \340\271\204\340\270\227\340\270\242 \340\244\250\340\244\256\340\244\270\340\245\215\340\244\244\340\245\207"sv,
       {162,   120, 95,    27764, 245,   220, 31479, 226, 19567, 245, 19567, 95,
        28225, 101, 11976, 106,   11976, 116, 24231, 235, 11976, 97,  24231, 229}},
      {"1999 \331\245\331\246 \342\205\247 \302\275 3.14e-5"sv,
       {18946, 18923, 98, 149, 99, 2343, 227, 100, 25208, 513, 13, 1415, 68, 12, 20}},
      {"\360\237\221\250\342\200\215\360\237\221\251\342\200\215\360\237\221\247 \342\235\244\357\270\217"sv,
       {41840, 101, 447, 235, 41840, 102, 447, 235, 41840, 100, 43074, 97, 37929}},
      {"def f(x):\n    return x**2  # ok"sv,
       {4299, 277, 7, 87, 2599, 198, 220, 220, 220, 1441, 2124, 1174, 17, 220, 1303, 12876}},
      {"\r\n\r\n"sv, {201, 198, 201, 198}},
      {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"sv,
       {24794, 24794, 24794, 24794, 24794, 24794, 24794, 24794, 24794, 24794}},
      {""sv, {}},
      {" "sv, {220}},
      {"''s's"sv, {7061, 82, 338}},
      {"@-@ = = Title = ="sv, {31, 12, 31, 796, 796, 11851, 796, 796}},
      {"\000\034\177"sv, {188, 216, 221}},
      {"\355\237\277\356\200\200\364\217\277\277"sv, {169, 253, 123, 29773, 222, 176, 237, 123, 123}},
  };
  for (const auto& [text, tokens] : cases) {
    EXPECT_EQ(encode(*tokenizer_, text), tokens) << text;
    EXPECT_EQ(tokenizer_->decode(tokens), text);
  }
}

TEST_F(Gpt2Tokenizer, GivesBackAnyBytes) {
  for (std::uint64_t sequence = 0; sequence < 100; ++sequence) {
    const auto bytes = random_bytes(sequence, 300);
    EXPECT_EQ(tokenizer_->decode(encode(*tokenizer_, bytes)), bytes);
  }
}

TEST_F(Gpt2Tokenizer, SavesFilesThatLoadToTheSame) {
  const Communicator self = Communicator::self();
  const TempFolder folder(self);
  tokenizer_->save(folder.path());
  EXPECT_EQ(Tokenizer::load(folder.path()).fingerprint(), tokenizer_->fingerprint());
}

}  // namespace
}  // namespace lift
