#include "jobs/output_file.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "mpi/error.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

ExitCode code_of(const std::filesystem::path& file) {
  try {
    check_output_file(file, "output");
    return ExitCode::done;
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("--output " + file.string()));
    return error.code();
  }
}

TEST(OutputFile, IsCheckedBeforeAnythingIsComputed) {
  const Communicator world = Communicator::world();
  const TempFolder folder(world);
  EXPECT_EQ(code_of(folder / "d.safetensors"), ExitCode::done);
  EXPECT_EQ(code_of("d.safetensors"), ExitCode::done);
  EXPECT_EQ(code_of(folder.path()), ExitCode::usage);
  EXPECT_EQ(code_of(folder / "missing/d.safetensors"), ExitCode::input);
  const ExitCode for_others = geteuid() == 0 ? ExitCode::done : ExitCode::write;
  EXPECT_EQ(code_of("/d.safetensors"), for_others);
  EXPECT_FALSE(std::filesystem::exists(folder / "d.safetensors"));
}

}  // namespace
}  // namespace lift
