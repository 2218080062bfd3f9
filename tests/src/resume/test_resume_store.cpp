#include "src/resume/resume_store.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/src/resume/points.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names(const ResumeStore& store) {
  std::vector<std::string> all;
  for (const fs::path& folder : store.all()) all.push_back(folder.filename());
  return all;
}

class ResumeStoreTest : public ::testing::Test {
 protected:
  OwnFolder folder_;
  ResumeStore store_{folder_ / "checkpoints", 2};
};

TEST_F(ResumeStoreTest, KeepsTheNewestAndNumbersThem) {
  std::vector<std::string> passed_over;
  EXPECT_FALSE(store_.newest(passed_over));
  for (int k = 0; k < 4; ++k) store_.publish(a_point());
  EXPECT_EQ(names(store_), (std::vector<std::string>{"resume-000004", "resume-000003"}));
  const auto found = store_.newest(passed_over);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->folder.filename(), "resume-000004");
  EXPECT_EQ(found->point.number, 4);
  EXPECT_TRUE(passed_over.empty());
  store_.clear();
  EXPECT_TRUE(names(store_).empty());
}

TEST_F(ResumeStoreTest, WalksBackToTheNewestThatIsWholeAndSaysWhy) {
  for (int k = 0; k < 3; ++k) store_.publish(a_point());
  fs::remove(folder_ / "checkpoints/resume-000003/DONE");
  std::vector<std::string> passed_over;
  EXPECT_TRUE(store_.has_published());
  EXPECT_EQ(store_.newest(passed_over)->folder.filename(), "resume-000002");
  ASSERT_EQ(passed_over.size(), 1U);
  EXPECT_NE(passed_over.front().find("resume-000003: has no DONE"), std::string::npos);
  store_.publish(a_point());
  EXPECT_EQ(store_.newest(passed_over)->point.number, 4) << "a number that was begun is not used again";
}

TEST_F(ResumeStoreTest, LooksAtNothingElse) {
  store_.publish(a_point());
  for (const char* name : {"best", "resume-", "resume-1x", "epoch-3", "resume--5"})
    fs::create_directories(folder_ / "checkpoints" / name);
  EXPECT_EQ(names(store_).size(), 1U);
  store_.clear();
  EXPECT_TRUE(fs::exists(folder_ / "checkpoints/epoch-3"));
}

TEST_F(ResumeStoreTest, RemovesWhatAKilledWriterLeft) {
  store_.publish(a_point());
  const fs::path draft = folder_ / "checkpoints/.resume-000002.4711.tmp",
                 other = folder_ / "checkpoints/.best.1.tmp";
  fs::create_directories(draft);
  fs::create_directories(other);
  store_.publish(a_point());
  fs::remove(folder_ / "checkpoints/resume-000002/DONE");
  store_.remove_unpublished();
  EXPECT_EQ(names(store_), std::vector<std::string>{"resume-000001"});
  EXPECT_FALSE(fs::exists(draft));
  EXPECT_TRUE(fs::exists(other));
}

}  // namespace
}  // namespace lift
