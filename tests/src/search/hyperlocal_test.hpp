#pragma once
#include <gmock/gmock.h>

#include <functional>
#include <span>
#include <vector>

#include "src/objective/distributed.hpp"
#include "src/search/hyperlocal.hpp"
#include "src/search/local_model.hpp"
#include "src/training/warmup.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {

/// Searches from weights that overfit 12 training sequences.
class HyperlocalTest : public ::testing::Test {
 protected:
  static SearchOptions options() {
    SearchOptions options;
    options.probes = 6;
    options.batches = 0;
    options.hvp_batches = 2;
    options.batch = 4;
    options.seed = 4;
    options.line.steps = 11;
    return options;
  }
  static at::Tensor overfitted(const Communicator& comm) {
    Tiny tiny;
    const WarmupOptions options{.epochs = 40, .rate = 1e-2};
    warm_up(tiny.objective, tiny.regularizer, tiny.lambda, tiny.train, tiny.valid, {}, options, {}, comm);
    return tiny.w();
  }
  /// An overfitted model.
  struct Overfitted : Tiny {
    explicit Overfitted(at::ScalarType type = at::kDouble) : Tiny(type) {
      static const at::Tensor weights = overfitted(Communicator::self());
      w().copy_(weights);
    }
  };
  SearchState state(Tiny& tiny, const Communicator& comm) {
    return {tiny.objective, tiny.regularizer, tiny.train, tiny.valid, tiny.lambda, comm, timers_};
  }
  static SearchObserver observing(
      std::function<void(int round, const LocalModel& model, std::span<const double> d)> on_direction) {
    SearchObserver observer;
    observer.on_direction = std::move(on_direction);
    return observer;
  }
  static SearchObserver keeping(std::vector<double>& direction) {
    return observing([&direction](int, const LocalModel&, std::span<const double> d) {
      direction.assign(d.begin(), d.end());
    });
  }
  [[nodiscard]] double valid_loss(const Tiny& tiny) const {
    return mean_loss(tiny.objective, tiny.valid, first_sequences(tiny.valid.size()), self_);
  }

  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
  PhaseTimers timers_;
};

}  // namespace lift
