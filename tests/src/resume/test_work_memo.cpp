#include "src/resume/work_memo.hpp"

#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include <fstream>

#include "src/files/atomic_file.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using Policy = WorkMemo::Policy;

MemoEntry an_entry(double seconds = 1) {
  return {.numbers = {1.0 / 3, -2},
          .tensor = at::arange(9, at::kFloat),
          .work = {1, 2, 3, 4},
          .seconds = seconds};
}

class WorkMemoTest : public ::testing::Test {
 protected:
  OwnFolder folder_;
  std::string key_ = WorkMemo::key("product", {at::arange(3, at::kFloat)});
};

TEST_F(WorkMemoTest, FindsWhatWasKept) {
  WorkMemo memo(folder_ / "memo", Policy::always);
  EXPECT_FALSE(memo.find(key_));
  memo.keep(key_, an_entry());
  const auto found = WorkMemo(folder_ / "memo", Policy::always).find(key_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->numbers, an_entry().numbers);
  EXPECT_EQ(found->work, an_entry().work);
  EXPECT_TRUE(found->tensor.equal(an_entry().tensor));
  memo.keep("losses", {.numbers = {4}, .tensor = {}, .work = {}});
  EXPECT_FALSE(memo.find("losses")->tensor.defined());
  memo.clear();
  EXPECT_FALSE(memo.find(key_));
}

TEST_F(WorkMemoTest, AKeyDependsOnEveryBitOfWhatGoesIn) {
  const at::Tensor x = at::arange(3, at::kFloat);
  at::Tensor y = x.clone();
  EXPECT_EQ(WorkMemo::key("product", {x, y}), WorkMemo::key("product", {y, x}));
  y[1] += 0x1p-23;
  EXPECT_NE(WorkMemo::key("product", {x, y}), WorkMemo::key("product", {y, x}));
  EXPECT_NE(WorkMemo::key("product", {x}), WorkMemo::key("product", {y}));
  EXPECT_NE(WorkMemo::key("product", {x}), WorkMemo::key("loss", {x}));
  EXPECT_NE(WorkMemo::key("product", {x}), WorkMemo::key("product", {x.to(at::kDouble)}));
  EXPECT_NE(WorkMemo::key("product", {x}), WorkMemo::key("product", {x, x}));
}

TEST_F(WorkMemoTest, AFileWithAnyOtherByteIsNotThere) {
  WorkMemo memo(folder_ / "memo", Policy::always);
  memo.keep(key_, an_entry());
  const fs::path file = folder_ / "memo" / (key_ + ".safetensors");
  const std::string whole = read_file(file);
  std::size_t missing = 0;
  for (std::size_t k = 0; k < whole.size(); ++k) {
    std::string changed = whole;
    changed[k] = static_cast<char>(changed[k] ^ 1);
    std::ofstream(file, std::ios::binary) << changed;
    const auto found = memo.find(key_);
    // Parts of the header tell nothing: blanks, "format".
    const bool same = found && found->tensor.equal(an_entry().tensor) &&
                      found->numbers == an_entry().numbers && found->work == an_entry().work;
    ASSERT_TRUE(!found || same) << k;
    missing += found ? 0 : 1;
  }
  EXPECT_GT(missing, whole.size() / 2);
  std::ofstream(file, std::ios::binary) << whole.substr(0, whole.size() - 1);
  EXPECT_FALSE(memo.find(key_));
  std::ofstream(file, std::ios::binary) << whole;
  EXPECT_TRUE(memo.find(key_));
  fs::rename(file, folder_ / "memo" / "another.safetensors");
  EXPECT_FALSE(memo.find("another")) << "what was kept under another name";
}

TEST_F(WorkMemoTest, WritesWhatTakesLongerToMakeThanToWriteAndRead) {
  WorkMemo memo(folder_ / "memo", Policy::measured);
  memo.keep("first", an_entry(0));
  EXPECT_TRUE(memo.find("first")) << "nothing is known of the disk yet";
  memo.keep("cheap", an_entry(0));
  EXPECT_FALSE(memo.find("cheap"));
  memo.keep("dear", an_entry(1e6));
  EXPECT_TRUE(memo.find("dear"));
  memo.keep("number", {.numbers = {1}, .tensor = {}, .work = {}, .seconds = 0});
  EXPECT_TRUE(memo.find("number")) << "a few bytes";
  WorkMemo never(folder_ / "none", Policy::never);
  never.keep("dear", an_entry(1e6));
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

TEST_F(WorkMemoTest, WhatCannotBeWrittenIsToldOnceAndEndsNothing) {
  std::ofstream(folder_ / "memo") << "a file where a folder is wanted";
  WorkMemo memo(folder_ / "memo", Policy::always);
  memo.keep(key_, an_entry());
  EXPECT_NE(memo.trouble().find("memo"), std::string::npos);
  EXPECT_EQ(memo.trouble(), "");
  memo.keep(key_, an_entry());
  EXPECT_EQ(memo.trouble(), "") << "it is not tried again";
}

}  // namespace
}  // namespace lift
