#include <gmock/gmock.h>

#include <string>

#include "tests/src/text/bin_files.hpp"
#include "tests/src/text/corpus_test.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// Forms of data other than lines of text, on all ranks.
using CorpusForms = CorpusTest;

TEST_F(CorpusForms, DocumentsAreLinesAndOneEndOfText) {
  const std::string jsonl =
      "{\"text\": \"one\\n\\ntwo\"}\n\n{\"text\": \" \\n\"}\n{\"text\": \"<|endoftext|>\\n\"}\n{\"text\": "
      "\"\"}";
  EXPECT_EQ(tokenizer_.decode(encode_documents(jsonl, "f", tokenizer_)),
            "one\ntwo<|endoftext|><|endoftext|>\n<|endoftext|>");
  const auto tokens = encode_documents(jsonl, "f", tokenizer_);
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), tokenizer_.end_of_text()), 2);
}

TEST_F(CorpusForms, DocumentsAreLoadedCachedAndLimited) {
  write("train.jsonl", "{\"text\": \"abc\\n\"}\n{\"text\": \"de\"}\n");  // a b c ⏎ ∎ d e ∎
  auto limited = options(2);
  for (int time = 0; time < 2; ++time) {
    const auto set = load(limited);
    EXPECT_EQ(set.size(), 4);
    EXPECT_EQ(text_of(set, 2), "<|endoftext|>d");
    EXPECT_THAT(cached(), SizeIs(1));
    world_.barrier();
  }
  limited.train_limit = 3;
  EXPECT_EQ(load(limited).size(), 3);
}

TEST_F(CorpusForms, TheSameBytesAsTextHaveACacheEntryOfTheirOwn) {
  const std::string bytes = "{\"text\": \"abcdef\"}\n";
  write("train.txt", bytes);
  EXPECT_EQ(text_of(load(options(4)), 0), "{\"te");
  if (world_.is_root()) std::filesystem::remove(folder_ / "train.txt");
  write("train.jsonl", bytes);
  EXPECT_EQ(text_of(load(options(4)), 0), "abcd");
}

TEST_F(CorpusForms, ABadDocumentIsRefusedOnAllRanks) {
  write("train.jsonl", "{\"text\": \"abcdef\"}\n{\"txt\": \"\"}\n");
  EXPECT_THAT(refusal(options(2), ExitCode::input),
              HasSubstr((folder_ / "train.jsonl").string() + ": line 2 has no key \"text\""));
}

TEST_F(CorpusForms, ShardsAreJoinedCutAndLimited) {
  write("w_train_000001.bin", llmc_tokens({64, 65, 66}));
  write("w_train_000002.bin", llmc_tokens({67, 256, 68, 69}));
  write("val.bin", raw_tokens({70, 71, 72, 73}));
  auto limited = options(2);
  const auto whole = load(limited);
  EXPECT_EQ(whole.size(), 3);
  EXPECT_EQ(text_of(whole, 1), "cd");
  EXPECT_EQ(text_of(whole, 2), "<|endoftext|>e");
  EXPECT_THAT(refusal(options(8), ExitCode::input),
              HasSubstr("w_train_000001.bin (first of 2 files): 7 tokens, expected at least"));
  limited.train_limit = 2;
  limited.limit = 1;
  EXPECT_EQ(load(limited).size(), 2);
  EXPECT_EQ(text_of(load(limited, Split::valid), 0), "gh");
  EXPECT_EQ(load(limited, Split::valid).size(), 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "cache")) << "tokens need no cache";
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(CorpusForms, BadTokensAreRefusedOnAllRanks) {
  write("train.bin", raw_tokens({1, 2, 257, 3}));
  EXPECT_THAT(refusal(options(2), ExitCode::input),
              HasSubstr("train.bin: token 2 (counted from 0) is 257, expected 0 to 256"));
  EXPECT_THAT(refusal(options(5), ExitCode::input),
              HasSubstr("train.bin: 4 tokens, expected at least one sequence of 5"));
  write("a_valid.bin", llmc_header(20240520, 1, 9) + raw_tokens({1, 2}));
  EXPECT_THAT(refusal(options(2), ExitCode::input, Split::valid), HasSubstr("a_valid.bin: has 9 tokens"));
  EXPECT_THAT(refusal(options(2), ExitCode::input, Split::test), HasSubstr("put a test.bin of your own"));
}

TEST_F(CorpusForms, TokensBesideAVocabularyOfTheirOwnAreAWarning) {
  write("train.bin", raw_tokens({1, 2}));
  write("meta.pkl", "");
  EXPECT_EQ(load(options(2)).size(), 1);
  EXPECT_THAT(warnings_, on_root_only(AllOf(HasSubstr("train.bin"), HasSubstr("meta.pkl"))));
}

}  // namespace
}  // namespace lift
