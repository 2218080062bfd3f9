#include "src/text/token_files.hpp"

#include <gmock/gmock.h>

#include <numeric>
#include <string>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/src/text/bin_files.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kVocabulary = 50257;

class TokenFilesTest : public testing::Test {
 protected:
  std::filesystem::path put(const std::string& name, const std::string& bytes) const {
    write_file(folder_ / name, bytes);
    return folder_ / name;
  }

  [[nodiscard]] std::vector<Token> tokens(const std::string& name, const std::string& bytes) const {
    const TokenFiles files({put(name, bytes)});
    return files.first(files.size(), kVocabulary);
  }

  [[nodiscard]] std::string refusal(const std::string& name, const std::string& bytes) const {
    try {
      (void)tokens(name, bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::input);
      EXPECT_THAT(error.what(), HasSubstr((folder_ / name).string() + ": "));
      return error.what();
    }
    return "";
  }

  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

TEST_F(TokenFilesTest, AreReadAsLlmcAndNanoGptWriteThem) {
  EXPECT_THAT(tokens("web_train_1.bin", llmc_tokens({0, 258, 50256})), ElementsAre(0, 258, 50256));
  EXPECT_THAT(tokens("train.bin", llmc_tokens({1, 2})), ElementsAre(1, 2));
  EXPECT_THAT(tokens("train.bin", raw_tokens({0, 258, 50256})), ElementsAre(0, 258, 50256));
  EXPECT_THAT(tokens("val.bin", ""), ElementsAre());
  EXPECT_THAT(tokens("val.bin", raw_tokens({7})), ElementsAre(7));
  EXPECT_THAT(tokens("web_val.bin", llmc_tokens({})), ElementsAre());
}

TEST_F(TokenFilesTest, AreJoinedAndReadAsFarAsWanted) {
  const TokenFiles files({put("w_train_1.bin", llmc_tokens({1, 2, 3})), put("w_train_2.bin", llmc_tokens({})),
                          put("w_train_3.bin", llmc_tokens({4, 5, 60000}))});
  EXPECT_EQ(files.size(), 6);
  EXPECT_THAT(files.first(0, kVocabulary), ElementsAre());
  EXPECT_THAT(files.first(2, kVocabulary), ElementsAre(1, 2));
  EXPECT_THAT(files.first(5, kVocabulary), ElementsAre(1, 2, 3, 4, 5)) << "what is not wanted is not judged";
  EXPECT_THROW((void)files.first(6, kVocabulary), Error);
}

TEST_F(TokenFilesTest, MayBeLongerThanTheBuffer) {
  std::vector<int> counted(100'003);
  for (std::size_t k = 0; k < counted.size(); ++k) counted[k] = static_cast<int>(k % kVocabulary);
  for (const auto& bytes : {llmc_tokens(counted), raw_tokens(counted)}) {
    const auto read = tokens("train.bin", bytes);
    EXPECT_TRUE(std::equal(read.begin(), read.end(), counted.begin(), counted.end()));
  }
  counted[70'000] = 50257;
  EXPECT_THAT(refusal("train.bin", raw_tokens(counted)),
              HasSubstr("token 70000 (counted from 0) is 50257, expected 0 to 50256"));
}

TEST_F(TokenFilesTest, AreRefusedWhereTheHeaderLies) {
  const auto tokens = raw_tokens({1, 2, 3});
  for (const std::string name : {"train.bin", "web_train.bin"}) {
    SCOPED_TRACE(name);
    EXPECT_THAT(refusal(name, llmc_header(20240520, 2, 3) + tokens),
                HasSubstr("has version 2 in llm.c's header, expected 1"));
    for (const int count : {2, 4, -3, INT32_MAX, INT32_MIN}) {
      EXPECT_THAT(refusal(name, llmc_header(20240520, 1, count) + tokens),
                  HasSubstr("has " + std::to_string(count) +
                            " tokens by its header, but 6 bytes after it, expected 2 a token"));
    }
    EXPECT_THAT(refusal(name, llmc_tokens({1}) + "x"), HasSubstr("but 3 bytes after it"));
    EXPECT_THAT(refusal(name, llmc_tokens({}).substr(0, 1022)),
                HasSubstr("has 1022 bytes, expected llm.c's header of 1024"));
    EXPECT_THAT(refusal(name, llmc_header(20240801, 7, 3) + tokens + tokens),
                AllOf(HasSubstr("magic number 20240801 (Llama 3's uint32 tokens)"), HasSubstr("20240520")));
    EXPECT_THAT(refusal(name, llmc_header(20240522, 1, 3)), HasSubstr("20240522 (questions with several"));
  }
}

TEST_F(TokenFilesTest, WithoutAHeaderMustBeCalledAsNanoGptDoes) {
  EXPECT_THAT(refusal("web_train.bin", raw_tokens({1, 0, 5})),
              AllOf(HasSubstr("begins with the magic number 1 ("), HasSubstr("expected 20240520")));
  EXPECT_THAT(refusal("web_train.bin", "x"), HasSubstr("magic number 120"));
  EXPECT_THAT(refusal("train.bin", "abc"), HasSubstr("has 3 bytes, expected an even number"));
  EXPECT_THAT(refusal("test.bin", raw_tokens({1, 65535})), HasSubstr("token 1 (counted from 0) is 65535"));
}

TEST_F(TokenFilesTest, AreRefusedWhereTheyCannotBeRead) {
  try {
    TokenFiles({folder_ / "train.bin"});
    ADD_FAILURE() << "a file that is missing";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("train.bin: cannot be read: No such file"));
  }
  std::filesystem::create_directory(folder_ / "val.bin");
  EXPECT_THROW(TokenFiles({folder_ / "val.bin"}), Error);
  const TokenFiles files({put("test.bin", raw_tokens({1, 2, 3}))});
  put("test.bin", raw_tokens({1}));
  EXPECT_THROW((void)files.first(3, kVocabulary), Error) << "cut after it was opened";
}

}  // namespace
}  // namespace lift
