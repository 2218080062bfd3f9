#include "solvers/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <slepcsys.h>

#include <cstdlib>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "solvers/petsc.hpp"

namespace lift {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

bool option_set(const char* name) {
  PetscBool set = PETSC_FALSE;
  check_petsc(PetscOptionsHasName(nullptr, nullptr, name, &set), "PetscOptionsHasName");
  return set == PETSC_TRUE;
}

TEST(SolverSession, OpensOnADuplicateAndCanOpenAgain) {
  const auto world = Communicator::world();
  for (int round = 0; round < 2; ++round) {
    const SolverSession session(world);
    EXPECT_TRUE(SlepcInitializeCalled);
    int relation = MPI_UNEQUAL;
    MPI_Comm_compare(PETSC_COMM_WORLD, world.handle(), &relation);
    EXPECT_EQ(relation, MPI_CONGRUENT);
  }
  EXPECT_FALSE(SlepcInitializeCalled);
}

TEST(SolverSession, RefusesASecondAtTheSameTime) {
  const auto world = Communicator::world();
  const SolverSession session(world);
  EXPECT_THROW(SolverSession{world}, Error);
}

TEST(SolverSession, SaysWhichOptionsNothingHasRead) {
  const auto world = Communicator::world();
  const SolverSession session(world, "-lift_read 3  -lift_typo -lift_value -1.5e-3");
  EXPECT_THAT(session.unused_options(), ElementsAre("-lift_read", "-lift_typo", "-lift_value"));
  PetscInt read = 0;
  PetscReal value = 0;
  check_petsc(PetscOptionsGetInt(nullptr, nullptr, "-lift_read", &read, nullptr), "PetscOptionsGetInt");
  check_petsc(PetscOptionsGetReal(nullptr, nullptr, "-lift_value", &value, nullptr), "PetscOptionsGetReal");
  EXPECT_EQ(read, 3);
  EXPECT_EQ(value, -1.5e-3);
  EXPECT_THAT(session.unused_options(), ElementsAre("-lift_typo"));
}

TEST(SolverSession, ReadsNeitherEnvironmentNorEarlierOptions) {
  const auto world = Communicator::world();
  ASSERT_EQ(setenv("PETSC_OPTIONS", "-lift_from_environment", 1), 0);
  {
    const SolverSession session(world, "-lift_first");
    EXPECT_FALSE(option_set("-lift_from_environment"));
    EXPECT_TRUE(session.unused_options().size() <= 1);
  }
  EXPECT_STREQ(std::getenv("PETSC_OPTIONS"), "-lift_from_environment");
  unsetenv("PETSC_OPTIONS");
  const SolverSession session(world);
  EXPECT_FALSE(option_set("-lift_first"));
  EXPECT_THAT(session.unused_options(), ElementsAre());
}

TEST(SolverSession, RefusesOptionsThatDoNotParse) {
  const auto world = Communicator::world();
  for (const std::string options : {"stray", "-a 1 2", "-a 1 -b 2 tail"}) {
    try {
      const SolverSession session(world, options);
      ADD_FAILURE() << options << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr("where an option was expected"));
    }
  }
  EXPECT_FALSE(SlepcInitializeCalled);
}

TEST(SolverSession, TurnsPetscErrorsIntoExceptionsWithTheirText) {
  const auto world = Communicator::world();
  const SolverSession session(world);
  MatHandle mat;
  check_petsc(MatCreateDense(world.handle(), PETSC_DECIDE, PETSC_DECIDE, 4, 2, nullptr, mat.out()),
              "MatCreateDense");
  try {
    check_petsc(MatSetType(mat.get(), "no-such-type"), "MatSetType");
    ADD_FAILURE() << "MatSetType succeeded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_THAT(error.what(), HasSubstr("MatSetType"));
    EXPECT_THAT(error.what(), HasSubstr("no-such-type"));
  }
}

TEST(SolverSession, KnowsTheVersionsAsLoaded) {
  const auto versions = solver_versions();
  EXPECT_THAT(versions.petsc, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(versions.slepc, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

}  // namespace
}  // namespace lift
