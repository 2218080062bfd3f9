#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/error.hpp"
#include "src/methods/method.hpp"

namespace lift {
namespace {

constexpr double kGradient = 3;  ///< forward_units() of one sequence

bool trains(Method method) {
  switch (method) {
    case Method::early_stop:
    case Method::grid:
    case Method::random:
    case Method::train_valid:
    case Method::validation_steps:
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

/// Evaluations of the selection split of a method that does not train, W0's among them.
std::int64_t evaluations(const MethodOptions& options, const MethodSizes& sizes) {
  return options.method == Method::wise ? options.grid_steps
                                        : 1 + sizes.tensors * (std::int64_t{options.tensor_steps} - 1);
}

}  // namespace

MethodPlan plan_method(const MethodOptions& options, const MethodSizes& sizes) {
  MethodPlan plan;
  const auto evaluation = static_cast<double>(sizes.selection);
  if (!trains(options.method)) {
    plan.units = evaluation * static_cast<double>(evaluations(options, sizes));
    return plan;
  }
  const bool chooses = options.method != Method::train_valid;
  const bool many = options.method == Method::grid || options.method == Method::random;
  plan.trainings = many ? options.trials : 1;
  plan.step_units = kGradient * gradients_of_step(options) * options.training.batch;
  const double looking = chooses ? evaluation * (options.evaluations + 1) : evaluation;
  const double start = chooses ? evaluation : 0;  // W0's
  if (options.budget) {
    const double each = (*options.budget - start) / plan.trainings - looking;
    plan.steps = static_cast<std::int64_t>(std::floor(each / plan.step_units));
  } else {
    plan.steps = options.steps / plan.trainings;
  }
  if (plan.steps < 1)
    throw Error(
        ExitCode::usage,
        fmt::format("--method.{}: not enough for one step of each of {} trainings of {}, which take {:.0f} "
                    "units a step and {:.0f} for evaluations",
                    options.budget ? "budget" : "steps", plan.trainings, to_string(options.method),
                    plan.step_units, looking));
  plan.every = std::max<std::int64_t>(1, (plan.steps + options.evaluations - 1) / options.evaluations);
  const std::int64_t looks = chooses ? 1 + (plan.steps + plan.every - 1) / plan.every : 1;
  plan.units = start + plan.trainings * (static_cast<double>(plan.steps) * plan.step_units +
                                         evaluation * static_cast<double>(looks));
  return plan;
}

}  // namespace lift
