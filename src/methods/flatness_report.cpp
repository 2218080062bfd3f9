#include "src/methods/flatness_report.hpp"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <cmath>

#include "mpi/error.hpp"
#include "src/methods/flatness.hpp"
#include "src/training/trainer.hpp"
#include "src/training/vectors.hpp"

namespace lift {
namespace {

/// One report: its steps, then its pairs.
class Report {
 public:
  using OnProgress = std::function<void(std::int64_t done, std::int64_t total)>;
  Report(const BilevelProblem& problem, const at::Tensor& x, const at::Tensor& y,
         const FlatnessOptions& options, std::int64_t first_draw, const OnProgress& on_progress)
      : problem_(problem),
        x_(x),
        y_(y),
        options_(options),
        first_draw_(first_draw),
        on_progress_(on_progress),
        value_y_(y.clone()),
        meter_(options.alpha, options.modulus) {}

  FlatnessSummary make() {
    approach();
    for (int k = 1; k <= options_.pairs; ++k) add_pair(k);
    FlatnessSummary found{.pairs = meter_.pairs(),
                          .steps = options_.steps,
                          .alpha = options_.alpha,
                          .modulus = options_.modulus,
                          .delta = meter_.delta(),
                          .slope = meter_.slope(),
                          .delta_of_slope = meter_.delta_of_slope(),
                          .distance = norm64(value_y_ - y_),
                          .residual = residual_};
    found.message = fmt::format(
        "flatness of f around the lower level's answer: delta {:.3g} (alpha {:g}, c {:g}) of {} pairs, "
        "by the slope {:.3g} of f in y at most {:.3g}; the answer is {:.3g} away after {} steps, residual "
        "{:.3g}",
        found.delta, found.alpha, found.modulus, found.pairs, found.slope, found.delta_of_slope,
        found.distance, found.steps, found.residual);
    return found;
  }

 private:
  void approach() {
    Descent descent(value_y_, options_.rule);
    for (std::int64_t k = 0; k < options_.steps; ++k) {
      const at::Tensor gradient = problem_.lower(x_, value_y_, Partial::y, next_draw()).y;
      const double rate = scheduled_rate(Schedule::linear, options_.rate, k, options_.steps);
      residual_ = descent.step(value_y_, gradient, rate, problem_.project_y);
      if (!std::isfinite(residual_))
        throw AgreedError(ExitCode::numerical,
                          fmt::format("the gradient of g in y is not finite in step {}", k + 1));
    }
  }

  void add_pair(int k) {
    const double part = std::ldexp(1.0, k - options_.pairs);
    const at::Tensor between = k == options_.pairs ? y_ : value_y_ + part * (y_ - value_y_);
    meter_.add(problem_, x_, value_y_, between, next_draw());
  }

  std::int64_t next_draw() {
    if (on_progress_) on_progress_(draws_, options_.steps + options_.pairs);
    return first_draw_ + draws_++;
  }

  const BilevelProblem& problem_;
  const at::Tensor& x_;
  const at::Tensor& y_;
  const FlatnessOptions& options_;
  std::int64_t first_draw_;
  const OnProgress& on_progress_;
  std::int64_t draws_ = 0;
  at::Tensor value_y_;  ///< ŷ_g
  double residual_ = 0;
  FlatnessMeter meter_;
};

}  // namespace

std::string FlatnessOptions::violation() const {
  if (pairs < 0) return fmt::format("pairs = {} violates pairs ≥ 0", pairs);
  if (steps < 1) return fmt::format("steps = {} violates steps ≥ 1", steps);
  if (!(alpha > 1 && std::isfinite(alpha))) return fmt::format("alpha = {} violates 1 < alpha < ∞", alpha);
  if (!(modulus > 0 && std::isfinite(modulus)))
    return fmt::format("modulus = {} violates 0 < modulus < ∞", modulus);
  if (!(rate > 0) || !std::isfinite(rate)) return fmt::format("rate = {} violates 0 < rate < ∞", rate);
  return "";
}

FlatnessSummary measure_flatness(
    const BilevelProblem& problem, const at::Tensor& x, const at::Tensor& y, const FlatnessOptions& options,
    std::int64_t first_draw, const std::function<void(std::int64_t done, std::int64_t total)>& on_progress) {
  if (const auto violation = options.violation(); !violation.empty())
    throw AgreedError(ExitCode::usage, "flatness: " + violation);
  if (problem.constraint)
    throw AgreedError(ExitCode::usage, "flatness: a constraint of x and y is not known to it");
  try {
    return Report(problem, x, y, options, first_draw, on_progress).make();
  } catch (const AgreedError& error) {
    if (error.code() != ExitCode::numerical) throw;
    return {.message = fmt::format("flatness: not measured: {}", error.what())};
  }
}

}  // namespace lift
