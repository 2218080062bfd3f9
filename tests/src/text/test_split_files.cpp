#include "src/text/split_files.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class SplitFilesTest : public testing::Test {
 protected:
  void make(const std::vector<std::string>& names) {
    for (const auto& name : names) write_file(folder_ / name, "");
  }
  void remove(const std::string& name) { std::filesystem::remove(folder_ / name); }

  [[nodiscard]] std::vector<std::string> names(Split split) const {
    std::vector<std::string> names;
    for (const auto& file : split_files(folder_.path(), split).files) {
      EXPECT_EQ(file.parent_path(), folder_.path());
      names.push_back(file.filename().string());
    }
    return names;
  }

  [[nodiscard]] std::string refusal(Split split) const {
    try {
      split_files(folder_.path(), split);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::input);
      return error.what();
    }
    return "";
  }

  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

TEST_F(SplitFilesTest, AreTheFirstFormThatIsThere) {
  const std::vector<std::pair<std::string, SplitForm>> in_order{
      {"wiki.train.raw", SplitForm::lines},         {"train.txt", SplitForm::lines},
      {"train.jsonl", SplitForm::documents},        {"train.bin", SplitForm::tokens},
      {"shakespeare_train.bin", SplitForm::tokens}, {"shakespeare_train_000001.bin", SplitForm::tokens}};
  for (const auto& [name, form] : in_order) make({name});
  for (const auto& [name, form] : in_order) {
    EXPECT_THAT(names(Split::train), ElementsAre(name));
    EXPECT_EQ(split_files(folder_.path(), Split::train).form, form);
    remove(name);
  }
  EXPECT_THAT(refusal(Split::train), HasSubstr("no train split"));
}

TEST_F(SplitFilesTest, OfTheValidSplitMayBeCalledVal) {
  for (const std::string ending : {".txt", ".jsonl", ".bin"}) {
    make({"val" + ending});
    EXPECT_THAT(names(Split::valid), ElementsAre("val" + ending));
    make({"valid" + ending});
    EXPECT_THAT(names(Split::valid), ElementsAre("valid" + ending));
    remove("val" + ending);
    remove("valid" + ending);
  }
  make({"tiny_val.bin"});
  EXPECT_THAT(names(Split::valid), ElementsAre("tiny_val.bin"));
  remove("tiny_val.bin");
  make({"wiki.val.raw"});
  EXPECT_THAT(refusal(Split::valid), HasSubstr("no valid split"));
}

TEST_F(SplitFilesTest, AreAllShardsInTheOrderOfTheirNumbers) {
  make({"fineweb_train_000010.bin", "fineweb_train_000002.bin", "fineweb_val_000000.bin",
        "fineweb_train_000001.bin"});
  EXPECT_THAT(names(Split::train), ElementsAre("fineweb_train_000001.bin", "fineweb_train_000002.bin",
                                               "fineweb_train_000010.bin"));
  EXPECT_THAT(names(Split::valid), ElementsAre("fineweb_val_000000.bin"));
  EXPECT_EQ(split_file(folder_.path(), Split::train).filename(), "fineweb_train_000001.bin");
}

TEST_F(SplitFilesTest, AreOrderedByNumberWithoutZerosToo) {
  make({"my_own_test_10.bin", "my_own_test_9.bin", "my_own_test_0.bin"});
  EXPECT_THAT(names(Split::test),
              ElementsAre("my_own_test_0.bin", "my_own_test_9.bin", "my_own_test_10.bin"));
}

TEST_F(SplitFilesTest, LeaveOtherFilesAlone) {
  make({"._web_train_1.bin", "train_1.bin", "_train.bin", "web_train_.bin", "web_train_a.bin", "webtrain.bin",
        "web_train.bin.tmp", "pytorch_model.bin", "1.bin", ".bin", "web_trainx_1.bin"});
  EXPECT_THAT(refusal(Split::train), HasSubstr("no train split"));
}

TEST_F(SplitFilesTest, OfTwoDataSetsAreRefused) {
  make({"stories_train.bin", "shakespeare_train_1.bin"});
  EXPECT_THAT(refusal(Split::train),
              AllOf(HasSubstr(folder_.path().string() + ": holds both shakespeare_train_1.bin and "
                                                        "stories_train.bin"),
                    HasSubstr("of one data set")));
}

TEST_F(SplitFilesTest, ThatAreMissingAreNamed) {
  make({"train.bin", "val.bin"});
  EXPECT_THAT(refusal(Split::test),
              AllOf(HasSubstr(": no test split, expected wiki.test.raw, test.txt, test.jsonl, test.bin, "
                              "NAME_test.bin or NAME_test_N.bin"),
                    HasSubstr("write train and val only: put a test.bin of your own")));
  remove("val.bin");
  EXPECT_THAT(refusal(Split::test), Not(HasSubstr("of your own")));
  EXPECT_THAT(refusal(Split::valid), HasSubstr("val for valid is understood"));
}

}  // namespace
}  // namespace lift
