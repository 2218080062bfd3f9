#pragma once
#include "mpi/timers.hpp"
#include "src/search/search_state.hpp"
#include "src/training/warmup.hpp"
#include "tests/src/training/tiny.hpp"

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

}  // namespace lift
