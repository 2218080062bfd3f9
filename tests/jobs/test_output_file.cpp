#include "jobs/output_file.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
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

TEST(OutputFile, MayNotReplaceAnInput) {
  const Communicator world = Communicator::world();
  const TempFolder folder(world);
  const auto model = folder / "model";
  if (world.is_root()) {
    std::filesystem::create_directory(model);
    std::ofstream(model / "model.safetensors") << "weights";
    std::ofstream(model / "answer.json") << "{}";
    std::filesystem::create_directory_symlink(model, folder / "link");
  }
  world.barrier();
  const auto refusal = [&](const std::filesystem::path& file) -> std::string {
    const std::vector<std::string> words = {"--model", model.string(), "--data", (folder / "data").string()};
    try {
      check_spares_inputs(file, "json", Options::parse(Job::evaluate, words));
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return error.what();
    }
  };
  EXPECT_THAT(refusal(model / "model.safetensors"), testing::HasSubstr("would replace a file of --model"));
  EXPECT_NE(refusal(folder / "link/model.safetensors"), "");
  EXPECT_NE(refusal(model / "../model/./model.safetensors"), "");
  EXPECT_EQ(refusal(model / "answer.json"), "") << "of an earlier evaluation: no input";
  EXPECT_EQ(refusal(model / "vocab.json"), "") << "nothing is there";
  EXPECT_EQ(refusal(folder / "answer.json"), "");
}

}  // namespace
}  // namespace lift
