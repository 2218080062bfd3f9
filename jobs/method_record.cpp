#include "jobs/method_record.hpp"

namespace lift {
namespace {

const char* to_string(RadiusStatus status) {
  switch (status) {
    case RadiusStatus::learned:
      return "learned";
    case RadiusStatus::unmoved:
      return "unmoved";
    case RadiusStatus::excluded:
      break;
  }
  return "excluded";
}

RadiusResult radius_result(const TensorRadius& radius) {
  return {.tensor = radius.name,
          .status = to_string(radius.status),
          .rows = radius.rows,
          .active_rows = radius.active_rows,
          .distance = radius.distance,
          .radius = radius.radius,
          .ratio = radius.ratio,
          .kept = radius.kept,
          .start_norm = radius.start_norm};
}

FlatnessResult flatness_result(const FlatnessSummary& summary) {
  return {.delta = summary.delta,
          .alpha = summary.alpha,
          .modulus = summary.modulus,
          .slope = summary.slope,
          .delta_of_slope = summary.delta_of_slope,
          .pairs = summary.pairs,
          .steps = summary.steps,
          .distance = summary.distance,
          .residual = summary.residual};
}

PenaltyResult penalty_result(const PenaltySummary& summary) {
  return {.status = to_string(summary.status),
          .steps = summary.last.step,
          .upper = summary.last.upper,
          .lower = summary.last.lower,
          .residual = summary.last.residual,
          .inner_residual = summary.last.inner_residual,
          .upper_x = summary.count.upper_x,
          .upper_y = summary.count.upper_y,
          .lower_x = summary.count.lower_x,
          .lower_y = summary.count.lower_y};
}

}  // namespace

MethodResult method_result(Method method, const MethodSummary& summary) {
  MethodResult result{.name = to_string(method)};
  for (const TensorRadius& radius : summary.radii) result.radii.push_back(radius_result(radius));
  for (const TensorShare& share : summary.shares) result.shares.push_back({share.tensor, share.share});
  if (summary.penalty) result.penalty = penalty_result(*summary.penalty);
  if (summary.flatness && summary.flatness->pairs > 0)
    result.penalty->flatness = flatness_result(*summary.flatness);
  return result;
}

}  // namespace lift
