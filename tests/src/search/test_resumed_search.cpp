// A search that is left wherever it can be left goes on to the same bits, whatever its directions are made
// of.
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/search/hyperlocal.hpp"
#include "tests/src/resume/left_session.hpp"
#include "tests/src/search/overfitted.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

/// What a search ends with.
struct End {
  at::Tensor w;
  std::vector<double> lambda;
  std::string kept;
  WorkCount work;
  std::vector<std::string> stages;
  int sessions = 1;
};

class ResumedSearch : public ::testing::Test {
 protected:
  static SearchOptions options() {
    SearchOptions options;
    options.batch = 4;
    options.batches = 1;
    options.hvp_batches = 1;
    options.probes = 5;
    options.rounds = 2;
    options.line.steps = 5;
    options.recovery.interpolate = true;
    options.recovery.corrector = {.steps = 2, .rate = 1e-3};
    options.corrector = {.steps = 2, .rate = 1e-3};
    options.basis = 6;
    options.damping = 5;
    options.max_products = 60;
    return options;
  }

  /// A search that is left at the point where it can be left after `left_at` others, each time; −1: never.
  End search(const SearchOptions& options, int left_at, const std::string& folder) {
    End end;
    end.sessions = sessions_until_done([&] { return attempt(options, left_at, folder, end); });
    return end;
  }

  bool attempt(const SearchOptions& options, int left_at, const std::string& folder, End& end) {
    OverfittedTiny tiny(world_);  // each session has W of its own
    int asked = 0;
    Checkpoints checkpoints(left_session(folder_ / folder, left_at, asked), world_);
    const auto taken = checkpoints.resume();
    if (const auto left = checkpoints.take("run")) {
      at::Tensor w = tiny.w();
      left->load("w", w);
      tiny.lambda = left->numbers("lambda");
      count_earlier(tiny, left->numbers("work"));
    }
    const Tiny& of = tiny;
    const Checkpoints::Part part(checkpoints, "run", [&](Section& section) {
      section.put("w", of.w());
      section.put("lambda", of.lambda);
      section.put("work", work_of(of));
    });
    const auto start = [] { return std::string("the start"); };
    if (!taken.found) checkpoints.stage_done(start);
    const SearchState state = tiny.state(&checkpoints);
    SearchObserver observer;
    observer.watched = {{"test", &tiny.test}};
    observer.watched_steps = 3;
    observer.on_stage = [&](const StageSummary& stage) { end.stages.push_back(stage.name); };
    try {
      end.kept = hyperlocal_search(state, options, observer).kept;
    } catch (const AgreedError& error) {
      if (error.code() != ExitCode::stopped) throw;
      return false;
    }
    end.w = tiny.w().clone();
    end.lambda = tiny.lambda;
    end.work = tiny.objective.work();
    return true;
  }

  [[nodiscard]] std::vector<double> work_of(const Tiny& tiny) const {
    const WorkCount& work = tiny.objective.work();
    std::vector<double> all;
    for (const std::int64_t count : {work.loss_sequences, work.gradient_sequences, work.hvp_sequences})
      for (const double of_rank : gather_values(static_cast<double>(count), world_)) all.push_back(of_rank);
    return all;
  }
  void count_earlier(const Tiny& tiny, const std::vector<double>& work) const {
    const auto ranks = static_cast<std::size_t>(world_.size()),
               rank = static_cast<std::size_t>(world_.rank());
    const auto of = [&](std::size_t k) { return static_cast<std::int64_t>(work.at(k * ranks + rank)); };
    const WorkCount now = tiny.objective.work();
    tiny.objective.count({.loss_sequences = of(0) - now.loss_sequences,
                          .gradient_sequences = of(1) - now.gradient_sequences,
                          .hvp_sequences = of(2) - now.hvp_sequences});
  }

  void expect_the_same_wherever_it_is_left(const SearchOptions& options) {
    const End whole = search(options, -1, "whole");
    for (const int left_at : {1, 4, 13}) {
      SCOPED_TRACE(fmt::format("left after {} asks each time", left_at));
      const End left = search(options, left_at, fmt::format("left-{}", left_at));
      EXPECT_TRUE(left.w.equal(whole.w));
      EXPECT_EQ(left.lambda, whole.lambda);
      EXPECT_EQ(left.kept, whole.kept);
      EXPECT_EQ(left.stages, whole.stages) << "each is told of once";
      EXPECT_EQ(left.work.hvp_sequences, whole.work.hvp_sequences);
      EXPECT_EQ(left.work.gradient_sequences, whole.work.gradient_sequences);
      EXPECT_EQ(left.work.loss_sequences, whole.work.loss_sequences);
      EXPECT_GT(left.sessions, left_at == 1 ? 8 : left_at == 4 ? 3 : 1);
    }
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
};

TEST_F(ResumedSearch, OfRandomProbes) {
  expect_the_same_wherever_it_is_left(options());
}

TEST_F(ResumedSearch, OfKrylovProbesAndAModelOfTheLine) {
  SearchOptions krylov = options();
  krylov.probe_kind = ProbeKind::krylov;
  krylov.line_kind = LineKind::model;
  expect_the_same_wherever_it_is_left(krylov);
}

TEST_F(ResumedSearch, OfAdjointProbesAndForwardDifferences) {
  SearchOptions adjoint = options();
  adjoint.probe_kind = ProbeKind::adjoint;
  adjoint.products.kind = ProductKind::forward;
  expect_the_same_wherever_it_is_left(adjoint);
}

TEST_F(ResumedSearch, OfExactStationarity) {
  SearchOptions exact = options();
  exact.direction = DirectionKind::exact;
  expect_the_same_wherever_it_is_left(exact);
}

TEST_F(ResumedSearch, OfTheBilevelDirectionAndTheLearningRate) {
  SearchOptions bilevel = options();
  bilevel.direction = DirectionKind::bilevel;
  bilevel.rounds = 1;
  bilevel.tune_rate = true;
  expect_the_same_wherever_it_is_left(bilevel);
}

TEST_F(ResumedSearch, OfASignStepWithoutRecovery) {
  SearchOptions sign = options();
  sign.direction = DirectionKind::sign;
  sign.recovery = {};
  sign.rounds = 3;
  expect_the_same_wherever_it_is_left(sign);
}

}  // namespace
}  // namespace lift
