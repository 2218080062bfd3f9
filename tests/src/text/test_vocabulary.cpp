#include "src/text/vocabulary.hpp"

#include <gmock/gmock.h>

#include <string>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/src/text/tiny_vocabulary.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::HasSubstr;

/// A folder with a good small vocabulary, whose files the tests spoil.
class VocabularyFiles : public testing::Test {
 protected:
  VocabularyFiles() {
    save_vocabulary(tiny_vocabulary({{" ", "t"}, {"h", "e"}, {" t", "he"}}), folder_.path());
  }

  /// Replaces `old_text` in a file of the vocabulary.
  void change(const std::string& name, const std::string& old_text, const std::string& new_text) {
    auto content = read_file(folder_ / name);
    const auto at = content.find(old_text);
    ASSERT_NE(at, std::string::npos) << old_text;
    write_file(folder_ / name, content.replace(at, old_text.size(), new_text));
  }

  /// The message with which loading is refused, "" if it is not.
  [[nodiscard]] std::string refusal() const {
    try {
      load_vocabulary(folder_.path());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::input);
      return error.what();
    }
    return "";
  }

  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

TEST_F(VocabularyFiles, AreReadAsTheyWereWritten) {
  const auto vocabulary = load_vocabulary(folder_.path());
  EXPECT_EQ(vocabulary.size(), 260);
  EXPECT_EQ(vocabulary.end_of_text, 259);
  EXPECT_EQ(vocabulary.tokens[258], " the");
  ASSERT_EQ(vocabulary.merges.size(), 3U);
  EXPECT_EQ(vocabulary.merges[2].left, 256);
  EXPECT_EQ(vocabulary.merges[2].right, 257);
  EXPECT_EQ(vocabulary.merges[2].joined, 258);
}

TEST_F(VocabularyFiles, MayComeFromWindowsAndWithoutAVersionLine) {
  const auto before = fingerprint(load_vocabulary(folder_.path()));
  write_file(folder_ / "merges.txt", "Ġ t\r\nh e\r\nĠt he");
  EXPECT_EQ(fingerprint(load_vocabulary(folder_.path())), before);
}

TEST_F(VocabularyFiles, HaveTheFingerprintOfTheirContent) {
  const auto before = fingerprint(load_vocabulary(folder_.path()));
  write_file(folder_ / "merges.txt", "h e\nĠ t\nĠt he\n");
  EXPECT_NE(fingerprint(load_vocabulary(folder_.path())), before);
}

TEST_F(VocabularyFiles, AreRefusedWhereOneIsMissing) {
  std::filesystem::remove(folder_ / "merges.txt");
  EXPECT_THAT(refusal(), HasSubstr((folder_ / "merges.txt").string() + ": cannot be read: No such file"));
  std::filesystem::remove(folder_ / "vocab.json");
  EXPECT_THAT(refusal(), HasSubstr((folder_ / "vocab.json").string() + ": cannot be read: No such file"));
  std::filesystem::create_directory(folder_ / "vocab.json");
  EXPECT_THAT(refusal(), HasSubstr("vocab.json: is a folder, expected a file"));
}

TEST_F(VocabularyFiles, AreRefusedWhereTheJsonIsNotWhatItShouldBe) {
  write_file(folder_ / "vocab.json", "[1, 2]");
  EXPECT_THAT(refusal(), HasSubstr("vocab.json: holds an array, expected an object of token ids"));
  write_file(folder_ / "vocab.json", "7");
  EXPECT_THAT(refusal(), HasSubstr("vocab.json: holds 7, expected an object of token ids"));
  write_file(folder_ / "vocab.json", "{\"a\": 0,");
  EXPECT_THAT(refusal(), HasSubstr("vocab.json: is not valid JSON at byte 9"));
  write_file(folder_ / "vocab.json", "");
  EXPECT_THAT(refusal(), HasSubstr("vocab.json: is not valid JSON"));
}

TEST_F(VocabularyFiles, AreRefusedForAWrongId) {
  change("vocab.json", R"("he": 257)", R"("he": "257")");
  EXPECT_THAT(refusal(), HasSubstr(R"(vocab.json: key "he" has the value "257", expected a token id)"));
  change("vocab.json", R"("he": "257")", R"("he": -1)");
  EXPECT_THAT(refusal(), HasSubstr(R"(key "he" has the value -1, expected a token id)"));
  change("vocab.json", R"("he": -1)", R"("he": 2.5)");
  EXPECT_THAT(refusal(), HasSubstr(R"(key "he" has the value 2.5, expected a token id)"));
  change("vocab.json", R"("he": 2.5)", R"("he": {})");
  EXPECT_THAT(refusal(), HasSubstr(R"(key "he" has the value an object, expected a token id)"));
  change("vocab.json", R"("he": {})", R"("he": 260)");
  EXPECT_THAT(refusal(), HasSubstr(R"(key "he" has the id 260, expected the ids 0 to 259 of its 260 keys)"));
  change("vocab.json", R"("he": 260)", R"("he": 258)");
  EXPECT_THAT(refusal(), HasSubstr(R"(keys "he" and "Ġthe" both have the id 258, expected each id once)"));
}

TEST_F(VocabularyFiles, AreRefusedForAWrongKey) {
  change("vocab.json", R"("he": 257)", R"("Ġt": 257)");
  EXPECT_THAT(refusal(), HasSubstr(R"(vocab.json: key "Ġt" is there twice)"));
  change("vocab.json", R"("Ġt": 257)", R"("h e": 257)");
  EXPECT_THAT(refusal(), HasSubstr(R"(vocab.json: key "h e" is not written in byte symbols)"));
  change("vocab.json", R"("h e": 257)", R"("": 257)");
  EXPECT_THAT(refusal(), HasSubstr(R"(vocab.json: key "" is not written in byte symbols)"));
}

TEST_F(VocabularyFiles, AreRefusedWithoutAByteOrTheEndOfText) {
  change("vocab.json", R"("<|endoftext|>": 259)", R"("<|pad|>": 259)");
  EXPECT_THAT(refusal(), HasSubstr(R"(vocab.json: has no key "<|endoftext|>")"));
  change("vocab.json", R"("<|pad|>": 259)", R"("<|endoftext|>": 259)");
  change("vocab.json", R"("Ġ": )", R"("ĠĠ": )");
  EXPECT_THAT(refusal(), HasSubstr(R"(vocab.json: has no key "Ġ")"));
}

TEST_F(VocabularyFiles, AreRefusedForAWrongMerge) {
  change("merges.txt", "Ġt he\n", "Ġt he o\n");
  EXPECT_THAT(refusal(),
              HasSubstr(R"(merges.txt: line 4 is "Ġt he o", expected two tokens with one space between)"));
  change("merges.txt", "Ġt he o\n", "Ġthe\n");
  EXPECT_THAT(refusal(), HasSubstr(R"(merges.txt: line 4 is "Ġthe", expected two tokens)"));
  change("merges.txt", "Ġthe\n", "\nh e\n");
  EXPECT_THAT(refusal(), HasSubstr(R"(merges.txt: line 4 is "", expected two tokens)"));
  change("merges.txt", "h e\n\nh e\n", "h e\nh e\n");
  EXPECT_THAT(refusal(), HasSubstr(R"(merges.txt: line 4 has the merge "h e" a second time)"));
  write_file(folder_ / "merges.txt", "#version: 0.2\nhe n\n");
  EXPECT_THAT(refusal(),
              HasSubstr(R"(merges.txt: line 2 needs the token "hen", which vocab.json does not have)"));
  write_file(folder_ / "merges.txt", "#version: 0.2\nĠ漢 n\n");
  EXPECT_THAT(refusal(), HasSubstr(R"(merges.txt: line 2 has "Ġ漢", which is not written in byte symbols)"));
}

TEST_F(VocabularyFiles, AreRefusedInOneShortPrintableLine) {
  write_file(folder_ / "merges.txt", "h\x1B e\n");
  EXPECT_THAT(refusal(), HasSubstr(R"(line 1 has "h\u001b", which is not written in byte symbols)"));
  write_file(folder_ / "merges.txt", "\xFF\r e\n");
  EXPECT_THAT(refusal(), HasSubstr("line 1 has \"\xEF\xBF\xBD\\r\", which"));
  write_file(folder_ / "merges.txt", std::string(100'000, 'a'));
  EXPECT_THAT(refusal(), HasSubstr("aaa...\", expected two tokens"));
  EXPECT_LT(refusal().size(), 300U);
  change("vocab.json", R"("he": 257)", R"("h\ne": 257)");
  EXPECT_THAT(refusal(), HasSubstr(R"(key "h\ne" is not written in byte symbols)"));
}

TEST_F(VocabularyFiles, AreNotWrittenBelowAFile) {
  write_file(folder_ / "file", "");
  try {
    save_vocabulary(tiny_vocabulary({}), folder_ / "file" / "tokenizer");
    FAIL() << "written below a file";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::write);
  }
}

TEST(ByteSymbols, GiveEveryByteBack) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  EXPECT_EQ(from_symbols(to_symbols(bytes)), bytes);
  EXPECT_EQ(to_symbols(" \n\xAD"), "ĠĊŃ");
  EXPECT_EQ(from_symbols("ńx"), std::nullopt);  // U+0144, the first code point after the stand-ins
  EXPECT_EQ(from_symbols("\xFF"), std::nullopt);
}

}  // namespace
}  // namespace lift
