#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "mpi/error.hpp"
#include "tests/src/resume/left_session.hpp"
#include "tests/src/search/overfitted.hpp"
#include "tests/support/shared.hpp"

namespace lift {

/// What something ends with that was left and taken up again.
struct LeftEnd {
  at::Tensor w;
  std::vector<double> lambda;
  std::vector<std::string> stages;
  int sessions = 0;
};

/// Runs `work` in sessions that each are left at the point where it can be left after `left_at` others; −1:
/// never. Collective on `world`.
inline LeftEnd run_in_sessions(int left_at, const TempFolder& folder, const Communicator& world,
                               const std::function<void(const SearchState&, const SearchObserver&)>& work) {
  LeftEnd end;
  end.sessions = sessions_until_done([&] {
    OverfittedTiny tiny(world);
    int asked = 0;
    Checkpoints checkpoints(left_session(folder / fmt::format("left-at-{}", left_at), left_at, asked), world);
    const auto taken = checkpoints.resume();
    at::Tensor w = tiny.w();
    if (const auto left = checkpoints.take("run")) {
      left->load("w", w);
      tiny.lambda = left->numbers("lambda");
    }
    const Checkpoints::Part part(checkpoints, "run", [&](Section& section) {
      section.put("w", tiny.w());
      section.put("lambda", tiny.lambda);
    });
    if (!taken.found) checkpoints.stage_done([] { return std::string("the start"); });
    SearchObserver observer;
    observer.on_stage = [&](const StageSummary& stage) { end.stages.push_back(stage.name); };
    try {
      work(tiny.state(&checkpoints), observer);
    } catch (const AgreedError& error) {
      if (error.code() != ExitCode::stopped) throw;
      return false;
    }
    end.w = tiny.w().clone();
    end.lambda = tiny.lambda;
    return true;
  });
  return end;
}

}  // namespace lift
