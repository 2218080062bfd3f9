#include "src/resume/resume_point.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/src/resume/points.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

/// Files of this process cannot grow beyond `bytes` while it lives: a disk that fills up.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

std::string reason(const fs::path& folder) {
  try {
    static_cast<void>(read_resume_point(folder));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input) << error.what();
    return error.what();
  }
  return "";
}

void overwrite(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

class ResumePointTest : public ::testing::Test {
 protected:
  OwnFolder folder_;
  fs::path point_ = folder_ / "resume-000001";
};

TEST_F(ResumePointTest, ComesBackAsItWas) {
  write_resume_point(point_, a_point(3));
  const ResumePoint found = read_resume_point(point_);
  const ResumePoint written = a_point(3);
  EXPECT_EQ(found.number, 3);
  EXPECT_EQ(found.where, written.where);
  EXPECT_EQ(found.ranks, 2);
  EXPECT_EQ(found.written, written.written);
  EXPECT_EQ(found.identity, written.identity);
  const Section& run = found.sections.at("run");
  EXPECT_TRUE(run.tensor("w").equal(written.sections.at("run").tensor("w")));
  EXPECT_EQ(run.number("phase"), 2.0);
  EXPECT_EQ(run.text("note"), written.sections.at("run").text("note"));
  EXPECT_TRUE(found.sections.contains("empty"));
}

TEST_F(ResumePointTest, AnyByteThatIsChangedIsFound) {
  write_resume_point(point_, a_point());
  for (const char* name : {"state.safetensors", "manifest.json", "DONE"}) {
    const std::string whole = read_file(point_ / name);
    for (std::size_t k = 0; k < whole.size(); ++k) {
      std::string changed = whole;
      changed[k] = static_cast<char>(changed[k] ^ 1);
      overwrite(point_ / name, changed);
      ASSERT_NE(
          reason(point_).find((point_ / (name == std::string("DONE") ? "manifest.json" : name)).string()),
          std::string::npos)
          << name << " at " << k;
    }
    overwrite(point_ / name, whole);
    EXPECT_EQ(reason(point_), "");
  }
}

TEST_F(ResumePointTest, AnyFileThatIsShortOrMissingIsFound) {
  write_resume_point(point_, a_point());
  for (const char* name : {"state.safetensors", "manifest.json", "DONE"}) {
    const std::string whole = read_file(point_ / name);
    overwrite(point_ / name, whole.substr(0, whole.size() - 1));
    EXPECT_NE(reason(point_), "") << name;
    fs::remove(point_ / name);
    EXPECT_NE(reason(point_), "") << name;
    overwrite(point_ / name, whole);
  }
  fs::remove(point_ / "DONE");
  EXPECT_NE(reason(point_).find("has no DONE"), std::string::npos);
}

TEST_F(ResumePointTest, ADiskFullAtAnyLengthLeavesNothingThatCouldBeTakenForOne) {
  write_resume_point(point_, a_point());
  const auto most = fs::file_size(point_ / "state.safetensors") + fs::file_size(point_ / "manifest.json");
  const fs::path next = folder_ / "resume-000002";
  int failures = 0;
  for (std::uintmax_t bytes = 0; bytes <= most; bytes += 7) {
    try {
      const FullDisk full(bytes);
      write_resume_point(next, a_point(2));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::write);
      EXPECT_FALSE(fs::exists(next / "DONE"));
      ++failures;
    }
    fs::remove_all(next);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
  }
  EXPECT_GT(failures, 20);
  EXPECT_EQ(reason(point_), "") << "the earlier one";
}

}  // namespace
}  // namespace lift
