#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "mpi/error.hpp"
#include "mpi/timers.hpp"
#include "src/search/search_state.hpp"
#include "src/training/warmup.hpp"
#include "tests/src/training/tiny.hpp"
#include "tests/support/shared.hpp"

namespace lift {

/// A tiny model that has left its first weights behind, in a state for searches and their rivals.
struct OverfittedTiny : Tiny {
  explicit OverfittedTiny(const Communicator& world) : pretrained(w().clone()), comm(world) {
    static const at::Tensor weights = overfitted();
    w().copy_(weights);
  }
  static at::Tensor overfitted() {
    Tiny tiny;
    warm_up(tiny.objective, tiny.regularizer, tiny.lambda, tiny.train, tiny.valid, {},
            {.epochs = 15, .rate = 1e-2}, {}, Communicator::self());
    return tiny.w();
  }
  [[nodiscard]] SearchState state(Checkpoints* checkpoints = nullptr) {
    SearchState state{objective, regularizer, train, valid, lambda, comm, timers, nullptr, pretrained};
    state.checkpoints = checkpoints;
    return state;
  }
  at::Tensor pretrained;
  const Communicator& comm;
  PhaseTimers timers;
};

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
  for (end.sessions = 1; end.sessions < 300; ++end.sessions) {
    OverfittedTiny tiny(world);
    int asked = 0;
    const CheckpointOptions options{
        .folder = folder / fmt::format("left-at-{}", left_at),
        .keep = 2,
        .memo = WorkMemo::Policy::always,
        .stop = {.signal = [&] { return left_at >= 0 && ++asked > left_at ? SIGUSR2 : 0; },
                 .seconds_left = {},
                 .limit = {},
                 .save_interval = 0,
                 .clock = [] { return 0.0; }},
        .identity = {}};
    Checkpoints checkpoints(options, world);
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
      continue;
    }
    end.w = tiny.w().clone();
    end.lambda = tiny.lambda;
    return end;
  }
  ADD_FAILURE() << "it comes to no end";
  return end;
}

}  // namespace lift
