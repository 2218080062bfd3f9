// TPGM and FTP that are left wherever they can be left go on to the same bits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "mpi/error.hpp"
#include "src/methods/ftp.hpp"
#include "src/methods/tpgm.hpp"
#include "tests/src/methods/toys.hpp"
#include "tests/src/resume/left_session.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

/// What a run ends with.
struct End {
  at::Tensor w;
  std::vector<double> numbers;  ///< of its summary
  int sessions = 1;
};

std::vector<double> numbers_of(const std::vector<TensorRadius>& radii) {
  std::vector<double> result;
  for (const TensorRadius& tensor : radii)
    for (const double number : {static_cast<double>(tensor.active_rows), tensor.distance, tensor.radius,
                                tensor.ratio, tensor.kept, tensor.start_norm})
      result.push_back(number);
  return result;
}

std::vector<double> numbers_of(const TpgmCounts& counts, double loss) {
  std::vector<double> result = {static_cast<double>(counts.steps), static_cast<double>(counts.gradients),
                                static_cast<double>(counts.projections)};
  if (counts.gradients > 0) result.push_back(loss);
  return result;
}

std::vector<double> joined(std::vector<double> a, const std::vector<double>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Runs a method to its end and returns the numbers of its summary.
using Method = std::function<std::vector<double>(const SearchState& state)>;

class ResumedProjections : public ::testing::Test {
 protected:
  /// A run that is left at each point where it can be left after `left_at` others; −1: never.
  End run(const Method& method, int left_at, const std::string& folder) {
    End end;
    end.sessions = sessions_until_done([&] { return attempt(method, left_at, folder, end); });
    return end;
  }

  bool attempt(const Method& method, int left_at, const std::string& folder, End& end) {
    Finetuned tiny(world_);  // each session has W of its own
    tiny.move(0.05);
    int asked = 0;
    Checkpoints checkpoints(left_session(folder_ / folder, left_at, asked, WorkMemo::Policy::never), world_);
    checkpoints.resume();
    if (const auto left = checkpoints.take("run")) {
      at::Tensor w = tiny.w();
      left->load("w", w);
    }
    const Checkpoints::Part part(checkpoints, "run", [&](Section& section) { section.put("w", tiny.w()); });
    tiny.state.checkpoints = &checkpoints;
    try {
      end.numbers = method(tiny.state);
      // A run that ended is left while others look at W: taken up again it must not be projected again.
      if (left_at >= 0 && !checked_end_) {
        checked_end_ = true;
        end.w = tiny.w().clone();
        return false;
      }
    } catch (const AgreedError& error) {
      if (error.code() != ExitCode::stopped) throw;
      return false;
    }
    if (end.w.defined()) {
      EXPECT_TRUE(tiny.w().equal(end.w));
    }
    end.w = tiny.w().clone();
    return true;
  }

  void expect_the_same_wherever_it_is_left(const Method& method, int steps) {
    const End whole = run(method, -1, "whole");
    for (const int left_at : {0, 1, 4}) {
      SCOPED_TRACE(fmt::format("left after {} asks each time", left_at));
      checked_end_ = false;
      const End left = run(method, left_at, fmt::format("left-{}", left_at));
      EXPECT_TRUE(left.w.equal(whole.w));
      EXPECT_EQ(left.numbers, whole.numbers);
      EXPECT_EQ(left.sessions, steps / (left_at + 1) + 2) << "one more for the end that was met twice";
    }
  }

  std::vector<double> numbers_of_tpgm(const SearchState& state, const TpgmOptions& options) {
    const auto projection = tpgm_projection(state, options);
    train_projected(state, training_, *projection);
    return joined(numbers_of(projection->report(state.objective.tuned().layout().tensors())),
                  numbers_of(projection->counts(), projection->loss()));
  }

  bool checked_end_ = false;
  WarmupOptions training_{.epochs = 3, .rate = 1e-2, .batch = 5};  // 9 steps
  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
};

TEST_F(ResumedProjections, OfTpgmDuringTraining) {
  const TpgmOptions options{.norm = RadialNorm::mars, .every = 2, .updates = 2};
  expect_the_same_wherever_it_is_left(
      [&](const SearchState& state) { return numbers_of_tpgm(state, options); }, 9);
}

TEST_F(ResumedProjections, OfATrainingThatProjectsNothing) {
  const TpgmOptions options{.excluded = {"weight", "bias"}};
  expect_the_same_wherever_it_is_left(
      [&](const SearchState& state) { return numbers_of_tpgm(state, options); }, 9);
}

TEST_F(ResumedProjections, OfTpgmOnce) {
  const TpgmOptions options{.norm = RadialNorm::mars, .updates = 10};
  expect_the_same_wherever_it_is_left(
      [&](const SearchState& state) {
        const TpgmSummary summary = tpgm_once(state, options, {});
        return joined(numbers_of(summary.radii), numbers_of(summary.counts, summary.loss));
      },
      10);
}

TEST_F(ResumedProjections, OfFtp) {
  const FtpOptions options{.rate = 2e-2, .shrink = 0.5};
  const Method method = [&](const SearchState& state) {
    const auto projection = ftp_projection(state, options);
    train_projected(state, training_, *projection);
    return numbers_of(projection->report(state.objective.tuned().layout().tensors()));
  };
  expect_the_same_wherever_it_is_left(method, 9);
}

}  // namespace
}  // namespace lift
