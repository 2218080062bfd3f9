#include "jobs/versions.hpp"

#include <gmock/gmock.h>

namespace lift {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

TEST(Versions, EveryLibrarySaysItsOwn) {
  const auto versions = library_versions();
  for (const char* name :
       {"petsc", "slepc", "libtorch", "boost", "icu", "fmt", "spdlog", "nlohmann_json", "xxhash"}) {
    ASSERT_TRUE(versions.contains(name)) << name;
    EXPECT_THAT(versions.at(name), ContainsRegex("^[0-9]+[.][0-9]+")) << name;
  }
  EXPECT_FALSE(versions.at("mpi").empty());
}

TEST(Versions, TextHasCommitAndCompiler) {
  EXPECT_THAT(version_text(), ContainsRegex("^lift [0-9.]+\ncommit +[^ ]+\ncompiler +GNU"));
  EXPECT_THAT(version_text(), HasSubstr("petsc"));
}

}  // namespace
}  // namespace lift
