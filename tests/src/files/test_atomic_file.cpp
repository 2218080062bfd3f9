#include <gtest/gtest.h>

#include <functional>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return {ExitCode::done, "nothing was thrown"};
}

class AtomicFileTest : public ::testing::Test {
 protected:
  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

TEST_F(AtomicFileTest, ReplacesTheWholeFileAndLeavesNothingBeside) {
  write_file(folder_ / "a.json", std::string(1 << 20, 'x'));
  write_file(folder_ / "a.json", "short");
  EXPECT_EQ(read_file(folder_ / "a.json"), "short");
  EXPECT_FALSE(std::filesystem::exists(temporary_beside(folder_ / "a.json")));
}

TEST_F(AtomicFileTest, AFullDiskKeepsTheOldFileAndSaysWhy) {
  write_file(folder_ / "a.json", "old");
  std::filesystem::create_symlink("/dev/full", temporary_beside(folder_ / "a.json"));
  const Error error = error_of([&] { write_file(folder_ / "a.json", "new"); });
  EXPECT_EQ(error.code(), ExitCode::write);
  EXPECT_EQ(std::string(error.what()),
            (folder_ / "a.json").string() + ": cannot be written: No space left on device");
  EXPECT_EQ(read_file(folder_ / "a.json"), "old");
  EXPECT_FALSE(std::filesystem::is_symlink(temporary_beside(folder_ / "a.json")));
}

TEST_F(AtomicFileTest, ReadingNamesWhatIsNotAFile) {
  EXPECT_EQ(error_of([&] { read_file(folder_ / "none"); }).code(), ExitCode::input);
  EXPECT_EQ(std::string(error_of([&] { read_file(folder_.path()); }).what()),
            folder_.path().string() + ": is a folder, expected a file");
}

TEST_F(AtomicFileTest, AMissingFolderIsAWriteError) {
  const Error error = error_of([&] { write_file(folder_ / "none/a.json", "x"); });
  EXPECT_EQ(error.code(), ExitCode::write);
  EXPECT_NE(std::string(error.what()).find("No such file or directory"), std::string::npos);
}

TEST_F(AtomicFileTest, MakeFolderMakesParentsAndRefusesAFile) {
  make_folder(folder_ / "a/b/c");
  make_folder(folder_ / "a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "a/b/c"));
  write_file(folder_ / "file", "x");
  EXPECT_EQ(error_of([&] { make_folder(folder_ / "file"); }).code(), ExitCode::write);
  EXPECT_EQ(error_of([&] { make_folder(folder_ / "file/below"); }).code(), ExitCode::write);
}

}  // namespace
}  // namespace lift
