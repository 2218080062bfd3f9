#include "src/search/hyperlocal.hpp"

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/probes.hpp"
#include "src/search/saved_weights.hpp"
#include "src/search/step_model.hpp"
#include "src/training/vectors.hpp"

namespace lift {

namespace {

void check(const SearchOptions& options) {
  if (const auto violation = options.violation(); !violation.empty()) {
    throw AgreedError(ExitCode::usage, "hyperlocal search: " + violation);
  }
}

/// The largest t at which no λ_i + t dλ_i is negative.
double orthant_limit(const std::vector<double>& lambda, const std::vector<double>& direction) {
  double limit = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    if (direction[i] < 0) limit = std::min(limit, lambda[i] / -direction[i]);
  }
  return limit;
}

LineSearchSummary search_along(const SearchState& state, const SearchOptions& options,
                               const Direction& direction, const SearchObserver& observer,
                               std::optional<double> start_loss, std::optional<StepModel>& model) {
  const auto scope = state.timers.measure("line_search");
  LineSearchOptions line = options.line;
  line.slope = direction.slope;
  line.start_loss = start_loss;
  // A direction that leads nowhere needs no more than the loss where it starts.
  if (direction.slope == 0 && norm64(direction.w) == 0) line.limit = 0;
  if (options.measures_model() && line.limit > 0) model = model_along(state, options, direction, observer);
  if (options.line_kind == LineKind::model && model) line.seed = model->minimiser().value_or(1.0);
  if (options.radius.space == LambdaSpace::linear) {
    line.limit = std::min(line.limit, orthant_limit(state.lambda, direction.lambda));
  }
  const auto on_progress = [&](std::int64_t done, std::int64_t planned) {
    report(observer, "line_search", done, planned);
  };
  return line_search(state.objective, state.select(), direction.w, line, on_progress, state.comm,
                     state.checkpoints);
}

/// t = 0, t*, the last step and others between them, about `count` in all.
std::vector<double> watched_steps(const LineSearchSummary& line, int count) {
  const auto others = static_cast<std::size_t>(std::max(1, count - 1));
  const std::size_t stride = (line.losses.size() + others - 1) / others;
  std::vector<double> steps;
  for (std::size_t k = 0; k < line.losses.size(); ++k) {
    const double t = line.losses[k].first;
    if (k % stride == 0 || t == line.t_star || k + 1 == line.losses.size()) steps.push_back(t);
  }
  return steps;
}

void watch(const SearchState& state, const Direction& direction, const SearchObserver& observer,
           RoundSummary& summary) {
  const auto scope = state.timers.measure("evaluate");
  if (observer.watched.empty() || observer.watched_steps == 0) return;
  const std::int64_t before = state.objective.work().loss_sequences;
  const auto steps = watched_steps(summary.line, observer.watched_steps);
  for (const auto& [name, set] : observer.watched) {
    const std::string phase = "evaluate " + name + " along d";
    const auto on_progress = [&](std::int64_t done, std::int64_t planned) {
      report(observer, phase.c_str(), done, planned);
    };
    summary.curves[name] =
        losses_along(state.objective, *set, direction.w, steps, on_progress, state.comm, state.checkpoints);
  }
  summary.watched.loss_sequences = state.objective.work().loss_sequences - before;
}

void take_step(const SearchState& state, const RadiusOptions& radius, const Direction& direction, double t) {
  if (t == 0) return;
  const auto most = lambda_bounds(radius, state.lambda);
  for (std::size_t i = 0; i < state.lambda.size(); ++i) {
    double& lambda = state.lambda[i];
    const double change = t * direction.lambda[i];
    if (radius.space == LambdaSpace::log) {
      const double bounded = std::clamp(change, -most[i], most[i]);
      lambda = std::max(std::min(lambda, kLambdaFloor), lambda * std::exp(bounded));
    } else {
      lambda = std::max(0.0, lambda + change);
    }
  }
  at::Tensor w = state.objective.tuned().flat();
  step_along(w, w, direction.w, t);
}

/// Whether the direction could move λ, but every column of H21 is zero, or the bound of its dλ_i.
bool lambda_is_inert(const SearchState& state, const SearchOptions& options) {
  const bool moves = options.direction == DirectionKind::lp || options.direction == DirectionKind::exact ||
                     options.direction == DirectionKind::bilevel;
  if (!moves || state.lambda.empty()) return false;
  const auto squares = state.regularizer.values(state.objective.tuned().flat());
  const auto bounds = lambda_bounds(options.radius, state.lambda);
  const bool logarithmic = options.radius.space == LambdaSpace::log;
  for (std::size_t i = 0; i < squares.size(); ++i) {
    if (squares[i] > 0 && bounds[i] > 0 && (!logarithmic || state.lambda[i] > 0)) return false;
  }
  return true;
}

}  // namespace

SelfCheck check_second_derivatives(const SearchState& state, const SearchOptions& options) {
  const auto& w = state.objective.tuned().flat();
  const auto sequences =
      sample_sequences(options.seed, 0, Sample::self_check, state.train.size(), options.batch);
  const Philox philox(options.seed, RandomStream::self_check);
  const auto u = random_unit_vector(philox, 0, w.numel(), w.scalar_type(), w.device());
  const auto v = random_unit_vector(philox, 1, w.numel(), w.scalar_type(), w.device());
  SavedWeights weights(w);
  const Derivatives derivatives{
      .hessian_vector =
          [&](const at::Tensor& x) {
            auto product = mean_hessian_vector(state.objective, state.train, sequences, x, state.comm);
            state.regularizer.add_hessian_vector(state.lambda, x, product);
            return product;
          },
      .gradient_along =
          [&](const at::Tensor& x, double t) {
            weights.step(x, t);
            auto f = mean_gradient(state.objective, state.train, sequences, state.comm);
            state.regularizer.add_gradient(state.lambda, w, f.gradient);
            weights.restore();
            return f.gradient;
          }};
  return check_derivatives(derivatives, u, v, norm64(w));
}

RoundSummary hyperlocal_round(const SearchState& state, const SearchOptions& options, int round,
                              const SearchObserver& observer, std::optional<double> start_loss) {
  check(options);
  RoundSummary summary;
  summary.lambda_before = state.lambda;
  summary.lambda_is_inert = lambda_is_inert(state, options);
  const Direction direction = find_direction(state, options, round, observer);
  summary.lp = direction.lp;
  summary.implicit = direction.implicit;
  summary.curvature = direction.curvature;
  summary.valid_loss = direction.valid_loss;
  summary.stationarity = direction.stationarity;
  summary.probes_done = direction.probes_done;
  summary.line = search_along(state, options, direction, observer, start_loss, summary.model);
  watch(state, direction, observer, summary);
  take_step(state, options.radius, direction, summary.line.t_star);
  summary.lambda_after = state.lambda;
  return summary;
}

}  // namespace lift
