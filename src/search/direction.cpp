#include "src/search/direction.hpp"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "mpi/error.hpp"
#include "mpi/fault.hpp"
#include "solvers/ball_lp.hpp"
#include "solvers/free_lp.hpp"
#include "solvers/split_lp.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/bilevel_direction.hpp"
#include "src/search/implicit.hpp"
#include "src/search/local_model.hpp"
#include "src/search/sharded.hpp"
#include "src/training/vectors.hpp"

namespace lift {
namespace {

template <typename Summary>
ProgramReport report_of(const Summary& summary, const LpCertificate& certificate, int iterations = 0) {
  return {.status = to_string(summary.status),
          .answered = answered(summary.status),
          .failed = failed(summary.status),
          .certificate = certificate,
          .iterations = iterations,
          .inside = {},
          .sweeps = summary.sweeps,
          .seconds = summary.seconds,
          .y = summary.y,
          .dual_residual = 0,
          .message = summary.message};
}

/// What the certificates of all programs have; `violation` of whatever bounds d.
template <typename Certificate>
LpCertificate common_part(const Certificate& found, double violation) {
  return {.objective = found.objective,
          .dual_objective = found.dual_objective,
          .gap = found.gap,
          .residual = found.residual,
          .bound_violation = violation};
}

ImplicitReport report_of(const StationaritySummary& summary, const std::vector<double>& lambda) {
  return {.status = to_string(summary.status),
          .failed = failed(summary.status),
          .mu = summary.mu,
          .theta_min = summary.theta_min,
          .theta_max = summary.theta_max,
          .gamma = summary.gamma,
          .predicted = summary.predicted,
          .certificate = summary.certificate,
          .products = summary.products,
          .q_residual = summary.q_residual,
          .z_residual = summary.z_residual,
          .g_dw = summary.g_dw,
          .raises = summary.raises,
          .message = summary.message,
          .agreement = failed(summary.status) || lambda.empty() ? std::nullopt
                                                                : sign_agreement(lambda, summary.gamma)};
}

ProgramReport solve_program(const LocalModel& model, const SearchOptions& options, int p,
                            std::span<double> shard) {
  fault_point("program");
  if (options.trust_region == TrustRegion::ball) {
    const auto summary = solve_ball_lp({model.a, model.g, model.u}, {}, shard);
    return report_of(summary, common_part(summary.certificate, summary.certificate.ball_violation));
  }
  if (options.trust_region == TrustRegion::two_balls || options.trust_region == TrustRegion::box_ball) {
    const auto set = bounds_lambda_by_a_ball(options.trust_region) ? LambdaSet::ball : LambdaSet::box;
    const auto summary = solve_split_lp({model.a, model.g, model.u, p, set}, {}, shard);
    const auto& found = summary.certificate;
    return report_of(summary, common_part(found, std::max(found.lambda_violation, found.weight_violation)),
                     summary.iterations);
  }
  if (options.trust_region == TrustRegion::none) {
    const auto summary = solve_free_lp({model.a, model.g, model.u, p}, {}, shard);
    ProgramReport report =
        report_of(summary, common_part(summary.certificate, summary.certificate.bound_violation));
    report.dual_residual = summary.certificate.dual_residual;
    return report;
  }
  BoxLpProblem problem{model.a, model.g, model.u};
  const std::vector<double> tau = relaxation(problem, options.relax);
  problem.tau = tau;
  const auto summary = solve_box_lp(problem, options.lp, shard);
  ProgramReport report = report_of(summary, summary.certificate, summary.iterations);
  report.inside = summary.inside;
  return report;
}

/// The linear program over the rows of a local model.
Direction solved_direction(const SearchState& state, const SearchOptions& options, int round,
                           const LocalModel& model, const SearchObserver& observer) {
  Direction direction{.sequences = model.slope.sequences,
                      .valid_loss = model.slope.valid_loss,
                      .stationarity = model.slope.stationarity,
                      .probes_done = model.probes_done,
                      .curvature = model.curvature};
  std::vector<double> d;
  report(observer, "lp", 0, 1);
  {
    const auto scope = state.timers.measure("lp");
    std::vector<double> shard(model.g.size());
    direction.lp = solve_program(model, options, state.regularizer.p(), shard);
    d = gathered(shard, model.a.layout(), state.comm);
  }
  report(observer, "lp", 1, 1);
  if (observer.on_direction) observer.on_direction(round, model, d);
  if (direction.lp->failed) {
    if (observer.on_failed_program) observer.on_failed_program(round, *direction.lp, d);
    throw AgreedError(ExitCode::numerical, fmt::format("the linear program of round {} failed: {}", round + 1,
                                                       direction.lp->message));
  }
  const auto p = static_cast<std::size_t>(state.regularizer.p());
  direction.lambda.assign(d.begin(), d.begin() + static_cast<std::ptrdiff_t>(p));
  direction.w = tensor_of(std::span(d).subspan(p), state.objective.tuned().flat());
  if (model.implicit) direction.implicit = report_of(*model.implicit, direction.lambda);
  direction.slope = direction.lp->certificate.objective;
  return direction;
}

/// γ and the way of W that goes with it beside a program that knows nothing of them; that they cannot be
/// found ends no round.
ImplicitReport hypergradient_report(const SearchState& state, const SearchOptions& options, int number,
                                    const Slope& slope, const std::vector<double>& lambda,
                                    const SearchObserver& observer) {
  const auto scope = state.timers.measure("probes");
  try {
    const ImplicitStep step = implicit_step(choose_round(state, options, number), slope, observer);
    ImplicitReport report = report_of(step.summary, lambda);
    const double way = norm64(step.w);
    if (options.trust_region != TrustRegion::none && way > 0)
      report.radius_ratio = from_root(
          norm64(weight_bounds(state.objective.tuned(), options.radius, TrustRegion::box)) / way, state.comm);
    return report;
  } catch (const AgreedError& error) {
    if (error.code() != ExitCode::numerical) throw;
    ImplicitReport report;
    report.status = to_string(StationarityStatus::not_finite);
    report.failed = true;
    report.message = error.what();
    return report;
  }
}

/// The local model is gone when it returns, and before γ is solved for.
Direction program_direction(const SearchState& state, const SearchOptions& options, int round,
                            const SearchObserver& observer) {
  std::optional<LocalModel> model(build_local_model(state, options, round, observer));
  Direction direction = solved_direction(state, options, round, *model, observer);
  if (options.hypergradient && !direction.implicit) {
    const Slope slope = std::move(model->slope);
    model.reset();
    direction.implicit = hypergradient_report(state, options, round, slope, direction.lambda, observer);
    direction.probes_done += direction.implicit->products;
  }
  return direction;
}

/// −sign g in the box of u. By RadiusUnit::norm it is as long as the gradient step of that radius, also where
/// coordinates of g are zero, which stay where they are while the others leave that box.
at::Tensor sign_direction(const RadiusOptions& radius, const at::Tensor& g, const at::Tensor& u) {
  at::Tensor d = g.sign().mul_(u).neg_();
  if (radius.unit != RadiusUnit::norm) return d;
  const double norm = norm64(d);
  return norm > 0 ? d.mul_(radius.rho / norm) : d;
}

/// The directions that leave λ alone.
at::Tensor plain_direction(const SearchState& state, const SearchOptions& options, const at::Tensor& g) {
  const at::Tensor& w = state.objective.tuned().flat();
  if (options.direction == DirectionKind::wise) return state.pretrained - w;
  const bool sign = options.direction == DirectionKind::sign;
  const at::Tensor u =
      weight_bounds(state.objective.tuned(), options.radius, sign ? TrustRegion::box : TrustRegion::ball);
  if (sign) return sign_direction(options.radius, g, u);
  const at::Tensor scaled = g * u;
  const double norm = norm64(scaled);
  return norm > 0 ? (scaled * u).mul_(-1 / norm) : at::Tensor(scaled);
}

/// A direction that no program made.
Direction direction_along(const Slope& slope, std::vector<double> lambda, const at::Tensor& w,
                          const Communicator& comm) {
  return {.lambda = std::move(lambda),
          .w = w,
          .sequences = slope.sequences,
          .slope = from_root(dot64(slope.gradient, w), comm),
          .valid_loss = slope.valid_loss,
          .stationarity = slope.stationarity};
}

Direction direction_without_rows(const SearchState& state, const SearchOptions& options, int round,
                                 const SearchObserver& observer) {
  const Slope slope = validation_slope(choose_round(state, options, round), observer);
  at::Tensor w = plain_direction(state, options, slope.gradient);
  broadcast(w, 0, state.comm);
  return direction_along(slope, std::vector<double>(state.lambda.size(), 0.0), w, state.comm);
}

/// Stationarity itself; what the solver could not find is no step, and said.
Direction exact_direction(const SearchState& state, const SearchOptions& options, int number,
                          const SearchObserver& observer) {
  const Round round = choose_round(state, options, number);
  const Slope slope = validation_slope(round, observer);
  const auto scope = state.timers.measure("probes");
  const ImplicitStep step = implicit_step(round, slope, observer);
  Direction direction = direction_along(slope, step.summary.dlambda, step.w, state.comm);
  direction.probes_done = step.summary.products;
  direction.implicit = report_of(step.summary, step.summary.dlambda);
  return direction;
}

ImplicitReport report_of(const BilevelStep& step) {
  ImplicitReport report = report_of(step.start, step.summary.theta);
  if (report.failed) return report;
  const BilevelSummary& found = step.summary;
  const bool cut = step.spent && !answered(found.status);
  report.status = cut ? "products_spent" : to_string(found.status);
  report.failed = failed(found.status);
  report.products = step.products;
  report.message = fmt::format("{}, {} products{}", found.message, step.products,
                               cut ? ", which is all that it may take" : "");
  if (report.failed) return report;
  report.predicted = found.value - found.path.front().value;
  report.certificate = found.projected_gradient / std::fabs(found.value);
  report.agreement = sign_agreement(found.theta, step.start.gamma);
  return report;
}

Direction bilevel_direction(const SearchState& state, const SearchOptions& options, int number,
                            const SearchObserver& observer) {
  const Round round = choose_round(state, options, number);
  const Slope slope = validation_slope(round, observer);
  const auto scope = state.timers.measure("probes");
  const BilevelStep step = bilevel_step(round, slope, observer);
  Direction direction = direction_along(slope, step.summary.theta, step.w, state.comm);
  direction.probes_done = step.products;
  direction.lambda.resize(state.lambda.size(), 0.0);
  direction.implicit = report_of(step);
  return direction;
}

}  // namespace

std::optional<double> sign_agreement(const std::vector<double>& lambda, const std::vector<double>& gamma) {
  int signs = 0, against = 0;
  for (std::size_t i = 0; i < gamma.size(); ++i) {
    const bool same = lambda[i] * gamma[i] > 0, opposite = lambda[i] * gamma[i] < 0;
    signs += same || opposite ? 1 : 0;
    against += opposite ? 1 : 0;
  }
  return signs == 0 ? std::nullopt : std::optional(static_cast<double>(against) / signs);
}

Direction find_direction(const SearchState& state, const SearchOptions& options, int round,
                         const SearchObserver& observer) {
  switch (options.direction) {
    case DirectionKind::lp:
      return program_direction(state, options, round, observer);
    case DirectionKind::exact:
      return exact_direction(state, options, round, observer);
    case DirectionKind::bilevel:
      return bilevel_direction(state, options, round, observer);
    case DirectionKind::gradient:
    case DirectionKind::sign:
    case DirectionKind::wise:
      break;
  }
  return direction_without_rows(state, options, round, observer);
}

}  // namespace lift
