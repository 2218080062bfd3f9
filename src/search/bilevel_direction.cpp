#include "src/search/bilevel_direction.hpp"

#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/error.hpp"
#include "solvers/shard_algebra.hpp"
#include "solvers/shifted_cg.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/implicit.hpp"
#include "src/search/saved_weights.hpp"
#include "src/search/sharded.hpp"

namespace lift {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

ImplicitModel::ImplicitModel(const Round& round, const RoundOperators& operators, double mu,
                             std::int64_t most)
    : round_(round),
      operators_(operators),
      mu_(mu),
      most_(most),
      more_(static_cast<std::size_t>(round.p()), 0.0),
      h_([this](std::span<const double> x, std::span<double> y) {
        operators_.h22()(x, y);
        operators_.cross().add_by_group(more_, x, y);
      }),
      z_(static_cast<std::size_t>(operators.layout().size(round.state.comm.rank())), 0.0),
      q_(z_),
      best_(z_),
      least_(std::numeric_limits<double>::infinity()) {}

double ImplicitModel::value(std::span<const double> delta, std::span<double> gradient) {
  std::ranges::fill(gradient, 0.0);
  if (spent()) return kNaN;
  const std::size_t p = delta.size();
  std::vector<double> growth(p), b(z_.size()), slope(z_.size());
  for (std::size_t i = 0; i < p; ++i) {
    growth[i] = -std::expm1(delta[i]);
    more_[i] = -2 * round_.state.lambda[i] * growth[i];
  }
  operators_.cross().apply(growth, b);
  if (!solve(b, z_)) return kNaN;
  const double value = loss_at(slope);
  if (!std::isfinite(value) || !solve(slope, q_)) return kNaN;

  std::vector<double> h12_q(p, 0.0), q_z(p, 0.0);
  operators_.cross().apply_transposed(q_, h12_q);
  operators_.cross().add_products(q_, z_, q_z);
  sum_vector_over_ranks(h12_q, round_.state.comm);
  sum_vector_over_ranks(q_z, round_.state.comm);
  for (std::size_t i = 0; i < p; ++i)
    gradient[i] = -std::exp(delta[i]) * (h12_q[i] + 2 * round_.state.lambda[i] * q_z[i]);
  if (value < least_) {
    least_ = value;
    best_ = z_;
  }
  return value;
}

bool ImplicitModel::solve(std::span<const double> b, std::vector<double>& x) {
  const Communicator& comm = round_.state.comm;
  const double length = norm2(b, comm), tol = round_.options.solve_tol;
  if (length == 0) {
    std::ranges::fill(x, 0.0);
    return true;
  }
  std::vector<double> r(b.begin(), b.end()), more(b.size());
  if (norm2(x, comm) > 0) {
    h_(x, more);
    axpy(mu_, x, more);
    axpy(-1, more, r);
  }
  const double left = norm2(r, comm);
  if (left <= tol * length) return true;
  const auto products = std::max<std::int64_t>(1, most_ - operators_.products());
  const auto found = solve_shifted(h_, mu_, r, std::min(0.5, tol * length / left), static_cast<int>(products),
                                   operators_.layout(), comm, more);
  if (found.end != CgEnd::converged) return false;
  axpy(1, more, x);
  return true;
}

/// L_v at W0 + z, and its gradient's shard.
double ImplicitModel::loss_at(std::vector<double>& slope) const {
  const SearchState& state = round_.state;
  const at::Tensor step = operators_.whole(z_);
  SavedWeights weights(round_.tuned().flat());
  weights.step(step, 1);
  try {
    auto found = mean_gradient(state.objective, state.valid, round_.gradient_sequences, state.comm);
    mask(found.gradient, round_.masked);
    slope = shard_of(found.gradient, operators_.layout(), state.comm.rank());
    return from_root(found.loss, state.comm);
  } catch (const AgreedError& error) {
    if (error.code() != ExitCode::numerical) throw;
    return kNaN;  // of all ranks: a trial, not the run
  }
}

BilevelStep bilevel_step(const Round& round, const Slope& slope, const SearchObserver& observer) {
  const SearchOptions& options = round.options;
  const RoundOperators operators(round, slope.training_gradient, [&](std::int64_t done) {
    report(observer, "bilevel", std::min<std::int64_t>(done, options.max_products), options.max_products);
  });
  const auto g = shard_of(slope.gradient, operators.layout(), round.state.comm.rank());
  const auto bounds = lambda_bounds(options.radius, round.state.lambda);
  BilevelStep step;
  step.w = at::zeros_like(round.tuned().flat());
  step.start = solve_adjoint(operators.problem(g, bounds), solver_options(options));
  step.products = operators.products();
  if (failed(step.start.status)) return step;
  ImplicitModel model(round, operators, step.start.mu, options.max_products);
  const BilevelObjective objective = [&](std::span<const double> delta, std::span<double> gradient) {
    return model.value(delta, gradient);
  };
  std::vector<double> start(bounds.size(), 0.0), lower(bounds);
  for (double& bound : lower) bound = -bound;
  step.summary = minimise_bilevel({objective, start, lower, bounds}, round.state.comm,
                                  {.tol = std::min(BilevelOptions{}.tol, options.solve_tol)});
  step.w = operators.whole(model.best());
  step.products = operators.products();
  step.spent = model.spent();
  if (step.spent && failed(step.summary.status))
    step.summary.message = "the bilevel minimisation was stopped before V at its start was known";
  return step;
}

}  // namespace lift
