#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/error.hpp"
#include "src/methods/method.hpp"

namespace lift {
namespace {

constexpr double kGradient = 3;  ///< forward_units() of one sequence
constexpr double kMostEvaluations = 10, kPartOfEvaluations = 1.0 / 3;

bool trains(Method method) {
  switch (method) {
    case Method::early_stop:
    case Method::grid:
    case Method::random:
    case Method::train_valid:
    case Method::validation_steps:
    case Method::tpgm:
    case Method::tpgm_once:
    case Method::ftp:
      return true;
    default:
      return penalty_method(method).has_value();
  }
}

/// Gradients of a batch in one step. Those of f2sa_lambda in λ cost no pass.
double gradients_of_step(const MethodOptions& options) {
  const double k = options.penalty.inner;
  if (options.method == Method::f2sa_lambda) return 3 * k;
  const auto penalty = penalty_method(options.method);
  if (!penalty) return 1;
  switch (*penalty) {
    case PenaltyMethod::pbgd_free:
      return 2 * k + 1;
    case PenaltyMethod::f2sa:
      return 3 * k + 3;
    case PenaltyMethod::v_pbgd:
    case PenaltyMethod::bome:
      return k + 3;  // both partial gradients of a function are one pass
    case PenaltyMethod::alright:
      break;
  }
  return 2;
}

/// Units of so many steps. TPGM learns its radii after every so many, from the first on.
double units_of(const MethodOptions& options, std::int64_t steps) {
  double gradients = gradients_of_step(options) * static_cast<double>(steps);
  if (options.method == Method::tpgm) {
    const std::int64_t every = options.tpgm.every, times = (steps + every - 1) / every;
    gradients += static_cast<double>(times * options.tpgm.updates);
  }
  return kGradient * options.training.batch * gradients;
}

/// The most steps that so many units pay for.
std::int64_t affordable_steps(const MethodOptions& options, double units) {
  std::int64_t low = 0, high = 1;
  while (units_of(options, high) <= units) high *= 2;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (units_of(options, middle) <= units ? low : high) = middle;
  }
  return low;
}

/// Units of the report where a penalty method ended: a gradient of a batch a step, one and its loss a pair.
double units_of_flatness(const MethodOptions& options) {
  if (options.flatness.pairs == 0 || !penalty_method(options.method)) return 0;
  return options.training.batch *
         (kGradient * static_cast<double>(options.flatness.steps) + (kGradient + 1) * options.flatness.pairs);
}

/// Evaluations within a training that has so many units, each of `evaluation`. A budget shared by many
/// trainings would else go into looking at them: 6000 units for 6 with 80 sequences left 8 steps each.
std::int64_t looks_within(const MethodOptions& options, double units, double evaluation) {
  if (options.evaluations) return *options.evaluations;
  if (!options.budget) return static_cast<std::int64_t>(kMostEvaluations);
  return static_cast<std::int64_t>(
      std::clamp(std::floor(kPartOfEvaluations * units / evaluation) - 1, 1.0, kMostEvaluations));
}

/// Evaluations of the selection split of a method that does not train, W0's among them.
std::int64_t evaluations(const MethodOptions& options, const MethodSizes& sizes) {
  return options.method == Method::wise ? options.grid_steps
                                        : 1 + sizes.tensors * (std::int64_t{options.tensor_steps} - 1);
}

}  // namespace

MethodPlan plan_method(const MethodOptions& options, const MethodSizes& sizes) {
  const auto evaluation = static_cast<double>(sizes.selection);
  if (!trains(options.method))
    return {.units = evaluation * static_cast<double>(evaluations(options, sizes))};
  MethodPlan plan;
  const bool looks_once = options.method == Method::train_valid || options.method == Method::tpgm_once;
  const bool many = options.method == Method::grid || options.method == Method::random;
  plan.trainings = many ? options.trials : 1;
  const double start = options.method == Method::train_valid ? 0 : evaluation;  // W0's
  const double each = (options.budget.value_or(0) - start) / plan.trainings;
  const std::int64_t within = looks_within(options, each, evaluation);
  const double looking = evaluation * static_cast<double>(looks_once ? 1 : within + 1);
  plan.steps = options.budget ? affordable_steps(options, each - looking) : options.steps / plan.trainings;
  if (plan.steps < 1)
    throw Error(ExitCode::usage,
                fmt::format("--method.{}: not enough for one step of each of {} trainings of {}, which take "
                            "{:.0f} units a step and {:.0f} for evaluations",
                            options.budget ? "budget" : "steps", plan.trainings, to_string(options.method),
                            units_of(options, 1), looking));
  plan.every = looks_once ? plan.steps : std::max<std::int64_t>(1, (plan.steps + within - 1) / within);
  const std::int64_t looks = looks_once ? 1 : 1 + (plan.steps + plan.every - 1) / plan.every;
  plan.units =
      start + plan.trainings * (units_of(options, plan.steps) + evaluation * static_cast<double>(looks));
  plan.reported = units_of_flatness(options);
  return plan;
}

}  // namespace lift
