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
#include "src/training/vectors.hpp"

namespace lift {

namespace {

/// λ is not carried below this in log space, where it would never come back.
constexpr double kLambdaFloor = 1e-8;

/// d = (dλ, dW), whole on every rank.
struct Direction {
  std::vector<double> lambda;
  at::Tensor w;
};

void check(const SearchOptions& options) {
  if (const auto violation = options.violation(); !violation.empty()) {
    throw AgreedError(ExitCode::usage, "hyperlocal search: " + violation);
  }
}

/// Solves the round's LP and gathers d; the local model is gone when it returns.
Direction find_direction(const SearchState& state, const SearchOptions& options, int round,
                         const SearchObserver& observer, RoundSummary& summary) {
  const LocalModel model = build_local_model(state, options, round, observer);
  summary.valid_loss = model.valid_loss;
  summary.stationarity = model.stationarity;
  summary.probes_done = model.probes_done;

  std::vector<double> d(static_cast<std::size_t>(model.a.coordinates()));
  report(observer, "lp", 0, 1);
  {
    const auto scope = state.timers.measure("lp");
    std::vector<double> shard(model.g.size());
    summary.lp = solve_box_lp({model.a, model.g, model.u}, options.lp, shard);
    gather_shards(shard, d, model.a.layout(), state.comm);
  }
  report(observer, "lp", 1, 1);
  if (observer.on_direction) observer.on_direction(round, model, d);
  if (failed(summary.lp.status)) {
    throw AgreedError(ExitCode::numerical,
                      fmt::format("the linear program of round {} failed: {}", round, summary.lp.message));
  }
  const auto& w = state.objective.tuned().flat();
  const auto p = state.regularizer.p();
  return {{d.begin(), d.begin() + p},
          at::from_blob(d.data() + p, {w.numel()}, at::kDouble).to(w.device(), w.scalar_type(), false, true)};
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
                               const Direction& direction, double slope, const SearchObserver& observer) {
  const auto scope = state.timers.measure("line_search");
  LineSearchOptions line = options.line;
  line.slope = slope;
  if (options.radius.space == LambdaSpace::linear) {
    line.limit = std::min(line.limit, orthant_limit(state.lambda, direction.lambda));
  }
  const auto on_progress = [&](std::int64_t done, std::int64_t planned) {
    report(observer, "line_search", done, planned);
  };
  return line_search(state.objective, state.valid, direction.w, line, on_progress, state.comm);
}

/// t = 0, t*, the last step and about kWatched between them.
std::vector<double> watched_steps(const LineSearchSummary& line) {
  constexpr std::size_t kWatched = 8;
  const std::size_t stride = (line.losses.size() + kWatched - 1) / kWatched;
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
  const auto steps = watched_steps(summary.line);
  for (const auto& [name, set] : observer.watched) {
    const std::string phase = "evaluate " + name + " along d";
    const auto on_progress = [&](std::int64_t done, std::int64_t planned) {
      report(observer, phase.c_str(), done, planned);
    };
    summary.curves[name] = losses_along(state.objective, *set, direction.w, steps, on_progress, state.comm);
  }
}

void take_step(const SearchState& state, const RadiusOptions& radius, const Direction& direction, double t) {
  if (t == 0) return;
  for (std::size_t i = 0; i < state.lambda.size(); ++i) {
    double& lambda = state.lambda[i];
    const double change = t * direction.lambda[i];
    if (radius.space == LambdaSpace::log) {
      const double bounded = std::clamp(change, -radius.lambda_scale, radius.lambda_scale);
      lambda = std::max(std::min(lambda, kLambdaFloor), lambda * std::exp(bounded));
    } else {
      lambda = std::max(0.0, lambda + change);
    }
  }
  at::Tensor w = state.objective.tuned().flat();
  step_along(w, w, direction.w, t);
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
                              const SearchObserver& observer) {
  check(options);
  RoundSummary summary;
  summary.lambda_before = state.lambda;
  const Direction direction = find_direction(state, options, round, observer, summary);
  summary.line = search_along(state, options, direction, summary.lp.certificate.objective, observer);
  watch(state, direction, observer, summary);
  take_step(state, options.radius, direction, summary.line.t_star);
  summary.lambda_after = state.lambda;
  return summary;
}

std::vector<RoundSummary> hyperlocal_search(const SearchState& state, const SearchOptions& options,
                                            const SearchObserver& observer) {
  SearchOptions current = options;
  std::vector<RoundSummary> rounds;
  for (int round = 0; round < options.rounds; ++round) {
    rounds.push_back(hyperlocal_round(state, current, round, observer));
    if (observer.on_round) observer.on_round(round, rounds.back());
    current.radius.rho = next_radius(current.radius.rho, rounds.back().line.t_star);
  }
  return rounds;
}

}  // namespace lift
