#include <gtest/gtest.h>

#include <fstream>

#include "mpi/collectives.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

TEST(TempFolder, IsOneFreshFolderForAllRanksAndGoesAway) {
  const Communicator world = Communicator::world();
  std::filesystem::path path;
  {
    const TempFolder folder(world);
    path = folder.path();
    EXPECT_TRUE(std::filesystem::is_directory(path));
    EXPECT_TRUE(std::filesystem::is_empty(path));
    for (const std::string& name : gather_texts(path, world)) EXPECT_EQ(name, path);
    world.barrier();
    std::ofstream(folder / std::to_string(world.rank())) << "kept until all ranks leave";
  }
  world.barrier();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TempFolder, NoTwoAreTheSame) {
  const Communicator world = Communicator::world();
  const TempFolder first(world);
  const TempFolder second(world);
  EXPECT_NE(first.path(), second.path());
}

}  // namespace
}  // namespace lift
