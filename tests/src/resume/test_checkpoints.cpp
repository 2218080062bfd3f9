#include "src/resume/checkpoints.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/resume/made_once.hpp"
#include "tests/src/training/tiny.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

std::string where() {
  return "here";
}

class CheckpointsTest : public ::testing::Test {
 protected:
  CheckpointOptions options(double interval = 1) {
    return {.folder = folder_ / "checkpoints",
            .keep = 2,
            .memo = WorkMemo::Policy::always,
            .stop = {.signal = [this] { return signal_; },
                     .seconds_left = {},
                     .limit = {},
                     .save_interval = interval,
                     .clock = [this] { return now_ += 1; }},
            .identity = {{"--seed", "7"}}};
  }
  /// What boundary() throws, as its code; done if nothing.
  template <typename Action>
  ExitCode code_of(const Action& action) {
    try {
      action();
    } catch (const AgreedError& error) {
      message_ = error.what();
      return error.code();
    }
    return ExitCode::done;
  }
  [[nodiscard]] int points() const {
    int count = 0;
    world_.barrier();
    for (const auto& item : fs::directory_iterator(folder_ / "checkpoints"))
      count += item.path().filename().string().starts_with("resume-") ? 1 : 0;
    world_.barrier();
    return count;
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
  double now_ = 0;
  int signal_ = 0;
  std::string message_;
};

TEST_F(CheckpointsTest, BringEverySectionToEveryRankOnce) {
  {
    Checkpoints checkpoints(options(), world_);
    const Checkpoints::Part outer(checkpoints, "outer", [&](Section& section) {
      section.put("w", at::arange(6, at::kFloat));
      section.put_text("note", "kept");
    });
    {
      const Checkpoints::Part inner(checkpoints, "inner", [](Section& section) { section.put("step", 3.0); });
      checkpoints.boundary(where);
    }
    EXPECT_EQ(points(), 1);
  }
  Checkpoints again(options(), world_);
  const auto taken = again.resume();
  EXPECT_TRUE(taken.found);
  EXPECT_NE(taken.where.find("resume-000001: here, of"), std::string::npos) << taken.where;
  EXPECT_TRUE(again.left("inner"));
  const auto outer = again.take("outer");
  ASSERT_TRUE(outer);
  EXPECT_TRUE(outer->tensor("w").equal(at::arange(6, at::kFloat)));
  EXPECT_EQ(outer->text("note"), "kept");
  EXPECT_EQ(again.take("inner")->count("step"), 3);
  EXPECT_FALSE(again.take("inner"));
  EXPECT_FALSE(again.take("never"));
}

TEST_F(CheckpointsTest, StopAtABoundaryWithAPointAndElsewhereWithout) {
  Checkpoints checkpoints(options(/*interval=*/0), world_);
  const Checkpoints::Part part(checkpoints, "part", [](Section& section) { section.put("step", 1.0); });
  checkpoints.boundary(where);
  checkpoints.poll();
  if (world_.rank() == world_.size() - 1) signal_ = SIGUSR1;
  EXPECT_EQ(code_of([&] { checkpoints.poll(); }), ExitCode::stopped);
  EXPECT_FALSE(fs::exists(folder_ / "checkpoints/resume-000001"));
  EXPECT_EQ(code_of([&] { checkpoints.boundary(where); }), ExitCode::stopped);
  EXPECT_NE(message_.find("signal USR1 (here)"), std::string::npos) << message_;
  EXPECT_EQ(points(), 1);
}

TEST_F(CheckpointsTest, RefuseAnotherConfigurationAndNameTheKey) {
  {
    Checkpoints checkpoints(options(), world_);
    checkpoints.boundary(where);
  }
  const auto refusal = [&](std::map<std::string, std::string> identity) {
    CheckpointOptions other = options();
    other.identity = std::move(identity);
    Checkpoints again(other, world_);
    EXPECT_EQ(code_of([&] { again.resume(); }), ExitCode::usage);
    return message_;
  };
  EXPECT_NE(refusal({{"--seed", "8"}}).find("--resume: --seed is 8 now, and was 7 when"), std::string::npos);
  EXPECT_NE(refusal({}).find("--seed is not set now"), std::string::npos);
  EXPECT_NE(refusal({{"--seed", "7"}, {"--more", "x"}}).find("--more is x now, and was not set"),
            std::string::npos);
}

TEST_F(CheckpointsTest, PassOverWhatIsNotWhole) {
  {
    Checkpoints checkpoints(options(), world_);
    checkpoints.boundary([] { return std::string("first"); });
    checkpoints.boundary([] { return std::string("second"); });
  }
  if (world_.is_root()) std::ofstream(folder_ / "checkpoints/resume-000002/state.safetensors") << "cut";
  world_.barrier();
  Checkpoints again(options(), world_);
  const auto taken = again.resume();
  EXPECT_NE(taken.where.find("first"), std::string::npos);
  EXPECT_EQ(taken.passed_over.size(), world_.is_root() ? 1U : 0U);
}

TEST_F(CheckpointsTest, LeaveNothingAtTheEnd) {
  Checkpoints checkpoints(options(), world_);
  EXPECT_FALSE(checkpoints.resume().found);
  checkpoints.stage_done(where);
  checkpoints.remember(checkpoints.key("x", {}), {.numbers = {1}, .tensor = {}, .work = {}});
  checkpoints.finish();
  world_.barrier();
  EXPECT_TRUE(fs::is_empty(folder_ / "checkpoints"));
}

TEST_F(CheckpointsTest, AFailureToWriteIsThatOfAllRanks) {
  if (world_.is_root()) std::ofstream(folder_ / "checkpoints") << "a file where a folder is wanted";
  world_.barrier();
  Checkpoints checkpoints(options(), world_);
  EXPECT_EQ(code_of([&] { checkpoints.boundary(where); }), ExitCode::write);
}

class MadeOnceTest : public CheckpointsTest {
 protected:
  /// What is asked for: numbers, a vector, and work of one more sequence on each further rank.
  Made ask(Checkpoints* checkpoints, const std::string& label, const at::Tensor& input) {
    return made_once(checkpoints, label, {input}, tiny_.objective, [&] {
      ++made_;
      tiny_.objective.count({.loss_sequences = 1 + world_.rank(), .hvp_sequences = 5});
      return Made{{0.1, 0.2}, input * 2};
    });
  }
  Tiny tiny_;
  int made_ = 0;
};

TEST_F(MadeOnceTest, IsMadeAgainOnlyWhereSomethingDiffers) {
  const at::Tensor x = at::arange(4, at::kDouble);
  {
    Checkpoints checkpoints(options(), world_);
    ask(&checkpoints, "a", x);
  }
  Checkpoints again(options(), world_);
  const Made found = ask(&again, "a", x);
  EXPECT_EQ(made_, 1);
  EXPECT_EQ(found.numbers, (std::vector<double>{0.1, 0.2}));
  EXPECT_TRUE(found.tensor.equal(x * 2));
  EXPECT_EQ(tiny_.objective.work().loss_sequences, 2 * (1 + world_.rank())) << "its work counts";
  EXPECT_EQ(tiny_.objective.work().hvp_sequences, 10);
  ask(&again, "b", x);
  ask(&again, "a", x + 1);
  EXPECT_EQ(made_, 3);
  again.stage_done(where);
  ask(&again, "a", x);
  EXPECT_EQ(made_, 4) << "of a stage that is over";
  ask(nullptr, "a", x);
  EXPECT_EQ(made_, 5);
}

TEST_F(MadeOnceTest, StopsBeforeItIsMadeAndNotBeforeItIsFound) {
  const at::Tensor x = at::full({2}, 3.0, at::kDouble);
  Checkpoints checkpoints(options(), world_);
  ask(&checkpoints, "a", x);
  signal_ = SIGUSR2;
  EXPECT_EQ(code_of([&] { ask(&checkpoints, "a", x); }), ExitCode::done);
  EXPECT_EQ(code_of([&] { ask(&checkpoints, "b", x); }), ExitCode::stopped);
  EXPECT_EQ(made_, 1);
}

TEST_F(MadeOnceTest, WorkOfOtherNumbersOfRanksIsCountedOnce) {
  const std::vector<double> of_three = {1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0};
  count_work(tiny_.objective, of_three, world_);
  EXPECT_EQ(sum_over_ranks(tiny_.objective.work().loss_sequences, world_), 7);
}

}  // namespace
}  // namespace lift
