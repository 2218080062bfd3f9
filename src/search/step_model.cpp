#include "src/search/step_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "src/objective/distributed.hpp"
#include "src/resume/made_once.hpp"
#include "src/search/sharded.hpp"
#include "src/training/vectors.hpp"

namespace lift {
namespace {

/// Of the first order's, a predicted decrease that is worth comparing with.
constexpr double kLeastPart = 1e-3;

/// `count` of `all`, evenly apart.
std::vector<std::int64_t> thinned(const std::vector<std::int64_t>& all, std::int64_t count) {
  std::vector<std::int64_t> chosen;
  for (std::int64_t k = 0; k < count; ++k)
    chosen.push_back(all[static_cast<std::size_t>(k * std::ssize(all) / count)]);
  return chosen;
}

}  // namespace

std::int64_t model_sequences(const SearchOptions& options, std::int64_t gradient_sequences) {
  return std::min(gradient_sequences, std::int64_t{options.hvp_batches} * options.batch);
}

std::optional<double> StepModel::minimiser() const noexcept {
  if (!(curvature > 0) || !(slope < 0)) return std::nullopt;
  return -slope / curvature;
}

std::optional<double> decrease_ratio(const StepModel& model, double t, double actual) noexcept {
  const double predicted = model.change(t);
  if (!(predicted < -kLeastPart * std::fabs(t * model.slope))) return std::nullopt;
  return actual / predicted;
}

StepModel model_along(const SearchState& state, const SearchOptions& options, const Direction& direction,
                      const SearchObserver& observer) {
  report(observer, "curvature along d", 0, 1);
  const auto sequences =
      thinned(direction.sequences, model_sequences(options, std::ssize(direction.sequences)));
  const auto multiply = [&] {
    return Made{{}, mean_hessian_vector(state.objective, state.valid, sequences, direction.w, state.comm)};
  };
  const at::Tensor product =
      made_once(state.checkpoints, fmt::format("curvature along d, sequences {}", fmt::join(sequences, ",")),
                {state.objective.tuned().flat(), direction.w}, state.objective, multiply)
          .tensor;
  report(observer, "curvature along d", 1, 1);
  return {.slope = direction.slope, .curvature = from_root(dot64(direction.w, product), state.comm)};
}

}  // namespace lift
