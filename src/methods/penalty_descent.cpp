#include "src/methods/penalty_descent.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "mpi/error.hpp"
#include "src/training/vectors.hpp"

namespace lift {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

bool is_positive(double value) {
  return value > 0 && std::isfinite(value);
}

bool has_value_iterate(PenaltyMethod method) {
  return method != PenaltyMethod::pbgd_free && method != PenaltyMethod::alright;
}

bool moves_x_alone(PenaltyMethod method) {
  return method == PenaltyMethod::pbgd_free || method == PenaltyMethod::f2sa;
}

void add_to(std::int64_t& of_x, std::int64_t& of_y, Partial which) {
  of_x += wants_x(which) ? 1 : 0;
  of_y += wants_y(which) ? 1 : 0;
}

}  // namespace

std::string PenaltyOptions::violation() const {
  if (!is_positive(gamma)) return fmt::format("gamma = {} violates 0 < gamma < ∞", gamma);
  if (inner < 1) return fmt::format("inner = {} violates inner ≥ 1", inner);
  if (!is_positive(rate)) return fmt::format("rate = {} violates 0 < rate < ∞", rate);
  if (!is_positive(inner_rate)) return fmt::format("inner_rate = {} violates 0 < inner_rate < ∞", inner_rate);
  if (dual_rate && !is_positive(*dual_rate))
    return fmt::format("dual_rate = {} violates 0 < dual_rate < ∞", *dual_rate);
  if (!(weight >= 0 && weight <= 1)) return fmt::format("weight = {} violates 0 ≤ weight ≤ 1", weight);
  if (steps < 0) return fmt::format("steps = {} violates steps ≥ 0", steps);
  if (!(tolerance >= 0)) return fmt::format("tolerance = {} violates tolerance ≥ 0", tolerance);
  return "";
}

PenaltyDescent::PenaltyDescent(const BilevelProblem& problem, const PenaltyOptions& options, at::Tensor x,
                               at::Tensor y)
    : problem_(problem), options_(options), x_(std::move(x)), descent_x_(x_, options.rule) {
  if (const auto violation = options.violation(); !violation.empty())
    throw AgreedError(ExitCode::usage, "penalty descent: " + violation);
  if (problem.constraint && !moves_x_alone(options.method))
    throw AgreedError(ExitCode::usage,
                      "penalty descent: a constraint of x and y needs a method that moves x alone");
  const auto start = [&](Lower& lower, const at::Tensor& from) {
    lower.y = from;
    lower.descent.emplace(lower.y, options.rule);
    if (problem.constraint) lower.multipliers = at::zeros_like(problem.constraint->value(x_, lower.y));
  };
  start(penalised_, y);
  if (has_value_iterate(options.method)) start(value_, y.clone());
}

PenaltyStep PenaltyDescent::step() {
  const auto take = [this] {
    switch (options_.method) {
      case PenaltyMethod::pbgd_free:
        return step_free();
      case PenaltyMethod::f2sa:
        return step_f2sa();
      case PenaltyMethod::v_pbgd:
        return step_v_pbgd();
      case PenaltyMethod::bome:
        return step_bome();
      case PenaltyMethod::alright:
        break;
    }
    return step_alright();
  };
  inner_residual_ = 0;
  PenaltyStep taken = take();
  taken.step = ++steps_;
  taken.inner_residual = inner_residual_;
  last_ = taken;
  return taken;
}

PenaltyStep PenaltyDescent::step_free() {
  follow_penalised();
  Partials f = upper(penalised_.y, Partial::x, options_.inner);
  return move_x(f.value, kUnknown, f.x);
}

PenaltyStep PenaltyDescent::step_f2sa() {
  follow_value();
  follow_penalised();
  const Partials f = upper(penalised_.y, Partial::x, options_.inner);
  const Partials at_penalised = lower(penalised_.y, Partial::x, options_.inner);
  const Partials at_value = lower(value_.y, Partial::x, options_.inner);
  at::Tensor gradient = at_penalised.x - at_value.x;
  if (problem_.constraint) {
    gradient += problem_.constraint->pull(x_, penalised_.y, penalised_.multipliers).x;
    gradient -= problem_.constraint->pull(x_, value_.y, value_.multipliers).x;
  }
  gradient.mul_(options_.gamma).add_(f.x);
  return move_x(f.value, at_penalised.value, gradient);
}

PenaltyStep PenaltyDescent::step_v_pbgd() {
  follow_value();
  const Partials f = upper(penalised_.y, Partial::both, options_.inner);
  const Partials g = lower(penalised_.y, Partial::both, options_.inner);
  const Partials at_value = lower(value_.y, Partial::x, options_.inner);
  const at::Tensor of_x = f.x + options_.gamma * (g.x - at_value.x);
  const at::Tensor of_y = f.y + options_.gamma * g.y;
  return move_both(f.value, g.value, of_x, of_y);
}

PenaltyStep PenaltyDescent::step_bome() {
  follow_value();
  const Partials f = upper(penalised_.y, Partial::both, options_.inner);
  const Partials g = lower(penalised_.y, Partial::both, options_.inner);
  const at::Tensor q_x = g.x - lower(value_.y, Partial::x, options_.inner).x;
  const double squares = dot64(q_x, q_x) + dot64(g.y, g.y);
  const double slope = dot64(f.x, q_x) + dot64(f.y, g.y);
  const double multiplier = squares > 0 ? std::max(0.0, (0.5 * squares - slope) / squares) : 0.0;
  return move_both(f.value, g.value, f.x + multiplier * q_x, f.y + multiplier * g.y);
}

PenaltyStep PenaltyDescent::step_alright() {
  const Partials f = upper(penalised_.y, Partial::both, options_.inner);
  const Partials g = lower(penalised_.y, Partial::both, options_.inner);
  const double w = options_.weight;
  return move_both(f.value, g.value, w * f.x + (1 - w) * g.x, w * f.y + (1 - w) * g.y);
}

void PenaltyDescent::follow_value() {
  for (int k = 0; k < options_.inner; ++k) {
    at::Tensor gradient = lower(value_.y, Partial::y, k).y;
    move_lower(value_, gradient);
  }
}

void PenaltyDescent::follow_penalised() {
  for (int k = 0; k < options_.inner; ++k) {
    at::Tensor gradient = upper(penalised_.y, Partial::y, k).y.div(options_.gamma);
    gradient += lower(penalised_.y, Partial::y, k).y;
    move_lower(penalised_, gradient);
  }
}

void PenaltyDescent::move_lower(Lower& iterate, at::Tensor& gradient) {
  const auto& constraint = problem_.constraint;
  if (constraint) gradient = gradient + constraint->pull(x_, iterate.y, iterate.multipliers).y;
  const double residual = iterate.descent->step(iterate.y, gradient, options_.inner_rate, problem_.project_y);
  check(residual, "of the lower level");
  inner_residual_ = std::max(inner_residual_, residual);
  if (constraint) {
    const double rate = options_.dual_rate.value_or(options_.inner_rate);
    iterate.multipliers.add_(constraint->value(x_, iterate.y), rate).clamp_min_(0);
  }
}

PenaltyStep PenaltyDescent::move_x(double f, double g, const at::Tensor& gradient) {
  const double residual = descent_x_.step(x_, gradient, options_.rate, problem_.project_x);
  check(residual, "of the upper level");
  return {.upper = f, .lower = g, .residual = residual};
}

PenaltyStep PenaltyDescent::move_both(double f, double g, const at::Tensor& of_x, const at::Tensor& of_y) {
  check(norm64(of_y), "in y");
  const double in_x = descent_x_.step(x_, of_x, options_.rate, problem_.project_x);
  check(in_x, "in x");
  const double in_y = penalised_.descent->step(penalised_.y, of_y, options_.rate, problem_.project_y);
  return {.upper = f, .lower = g, .residual = std::hypot(in_x, in_y)};
}

Partials PenaltyDescent::upper(const at::Tensor& y, Partial which, int inner) {
  add_to(count_.upper_x, count_.upper_y, which);
  return problem_.upper(x_, y, which, draw(inner));
}

Partials PenaltyDescent::lower(const at::Tensor& y, Partial which, int inner) {
  add_to(count_.lower_x, count_.lower_y, which);
  return problem_.lower(x_, y, which, draw(inner));
}

void PenaltyDescent::check(double norm, const char* of_what) const {
  if (!std::isfinite(norm))
    throw AgreedError(ExitCode::numerical,
                      fmt::format("the gradient {} is not finite in step {}", of_what, steps_ + 1));
}

void PenaltyDescent::save(Section& section) const {
  section.put("steps", static_cast<double>(steps_));
  const double counts[] = {static_cast<double>(count_.upper_x), static_cast<double>(count_.upper_y),
                           static_cast<double>(count_.lower_x), static_cast<double>(count_.lower_y)};
  section.put("partials", counts);
  const double last[] = {last_.upper, last_.lower, last_.residual, last_.inner_residual};
  section.put("last", last);
  descent_x_.save(section, "x_");
  const auto save_lower = [&](const Lower& lower, const std::string& prefix) {
    if (!lower.y.defined()) return;
    lower.descent->save(section, prefix);
    if (lower.multipliers.defined()) section.put(prefix + "multipliers", lower.multipliers);
  };
  save_lower(penalised_, "y_");
  save_lower(value_, "value_");
  if (value_.y.defined()) section.put("value_y", value_.y);
}

void PenaltyDescent::resume(const Section& section) {
  steps_ = section.count("steps");
  const auto counts = section.numbers("partials");
  std::int64_t* const into[] = {&count_.upper_x, &count_.upper_y, &count_.lower_x, &count_.lower_y};
  for (std::size_t k = 0; k < std::size(into); ++k) *into[k] = static_cast<std::int64_t>(counts.at(k));
  const auto last = section.numbers("last");
  last_ = {.step = steps_,
           .upper = last.at(0),
           .lower = last.at(1),
           .residual = last.at(2),
           .inner_residual = last.at(3)};
  descent_x_.resume(section, "x_");
  const auto resume_lower = [&](Lower& lower, const std::string& prefix) {
    if (!lower.y.defined()) return;
    lower.descent->resume(section, prefix);
    if (lower.multipliers.defined()) section.load(prefix + "multipliers", lower.multipliers);
  };
  resume_lower(penalised_, "y_");
  resume_lower(value_, "value_");
  if (value_.y.defined()) section.load("value_y", value_.y);
}

const char* to_string(PenaltyStatus status) noexcept {
  switch (status) {
    case PenaltyStatus::converged:
      return "converged";
    case PenaltyStatus::step_limit:
      return "step limit";
    case PenaltyStatus::not_finite:
      break;
  }
  return "not finite";
}

PenaltySummary descend(const BilevelProblem& problem, const PenaltyOptions& options, const at::Tensor& x,
                       const at::Tensor& y, const std::function<void(const PenaltyStep&)>& on_step,
                       Checkpoints* checkpoints) {
  PenaltyDescent descent(problem, options, x, y);
  std::optional<Checkpoints::Part> part;
  if (checkpoints != nullptr) {
    if (const auto left = checkpoints->take("penalty")) descent.resume(*left);
    part.emplace(*checkpoints, "penalty", [&](Section& section) { descent.save(section); });
  }
  const auto where = [&] { return fmt::format("penalty step {} of {}", descent.steps(), options.steps); };
  PenaltySummary summary;
  const std::int64_t before = descent.steps();
  while (summary.status == PenaltyStatus::step_limit && descent.steps() < options.steps) {
    try {
      descent.step();
    } catch (const AgreedError& error) {
      if (error.code() != ExitCode::numerical) throw;
      summary.status = PenaltyStatus::not_finite;
      summary.message = error.what();
      break;
    }
    if (on_step) on_step(descent.last());
    const double residual = std::max(descent.last().residual, descent.last().inner_residual);
    if (options.tolerance > 0 && residual <= options.tolerance) summary.status = PenaltyStatus::converged;
    if (checkpoints != nullptr) checkpoints->boundary(where);
  }
  // What evaluates x and y may be left without a point of its own.
  if (checkpoints != nullptr && descent.steps() > before) checkpoints->save(where);
  summary.last = descent.last();
  summary.count = descent.count();
  if (summary.message.empty())
    summary.message = fmt::format("{} after {} steps: residual {:.3g}, of the inner steps {:.3g}",
                                  to_string(summary.status), descent.steps(), summary.last.residual,
                                  summary.last.inner_residual);
  return summary;
}

}  // namespace lift
