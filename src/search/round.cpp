#include "src/search/round.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/fault.hpp"
#include "src/objective/distributed.hpp"
#include "src/resume/made_once.hpp"
#include "src/training/vectors.hpp"

namespace lift {

std::vector<double> Round::lambda_scales() const {
  if (options.radius.space == LambdaSpace::log) return state.lambda;
  return std::vector<double>(state.lambda.size(), 1.0);
}

Round choose_round(const SearchState& state, const SearchOptions& options, int number) {
  const auto sample = [&](Sample purpose, const SequenceSet& set, int batches) {
    const std::int64_t count = batches > 0 ? std::int64_t{batches} * options.batch : set.size();
    return sample_sequences(options.seed, number, purpose, set.size(), count);
  };
  return {state,
          options,
          number,
          sample(Sample::gradient, state.valid, options.batches),
          sample(Sample::hessian, state.train, options.hvp_batches),
          key_biases(state.objective.tuned().layout())};
}

namespace {

/// The mean gradient over `sequences` of a split, unless it was made before the run was left.
LossAndGradient gradient_once(const SearchState& state, const std::string& split, const SequenceSet& set,
                              const std::vector<std::int64_t>& sequences) {
  const std::string label = fmt::format("gradient of {} sequences {}", split, fmt::join(sequences, ","));
  const Made made =
      made_once(state.checkpoints, label, {state.objective.tuned().flat()}, state.objective, [&] {
        auto found = mean_gradient(state.objective, set, sequences, state.comm);
        return Made{{found.loss}, found.gradient};
      });
  return {made.numbers.at(0), made.tensor};
}

}  // namespace

Slope validation_slope(const Round& round, const SearchObserver& observer) {
  const SearchState& state = round.state;
  const auto scope = state.timers.measure("gradient");
  report(observer, "gradient", 0, 2);
  auto [loss, gradient] = gradient_once(state, "validation", state.valid, round.gradient_sequences);
  mask(gradient, round.masked);
  agree(state.comm, [&] {
    fault_point("slope");
    if (!std::isfinite(norm64(gradient)))
      throw Error(
          ExitCode::numerical,
          fmt::format("the gradient of the validation loss in round {} is not finite", round.number + 1));
  });
  report(observer, "gradient", 1, 2);
  auto f = gradient_once(state, "training", state.train, round.hessian_sequences);
  const bool kept = round.options.products.kind == ProductKind::forward;
  const at::Tensor training_gradient = kept ? f.gradient.clone() : at::Tensor();
  state.regularizer.add_gradient(state.lambda, round.tuned().flat(), f.gradient);
  report(observer, "gradient", 2, 2);
  return {.gradient = gradient,
          .sequences = round.gradient_sequences,
          .valid_loss = loss,
          .stationarity = norm64(f.gradient),
          .training_gradient = training_gradient};
}

std::vector<double> balanced_lambda(const SearchState& state, const SearchOptions& options) {
  const auto scope = state.timers.measure("gradient");
  const Round round = choose_round(state, options, 0);
  const auto loss = mean_gradient(state.objective, state.train, round.hessian_sequences, state.comm);
  const auto distances = state.regularizer.values(round.tuned().flat());
  const auto squares = Regularizer(round.tuned().layout()).values(loss.gradient);
  std::vector<double> lambda = state.lambda;
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    if (distances[i] > 0) lambda[i] = std::sqrt(squares[i] / distances[i]) / 4;
  }
  broadcast(host_buffer(std::span<double>(lambda)), 0, state.comm);
  return lambda;
}

}  // namespace lift
