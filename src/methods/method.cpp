#include "src/methods/method.hpp"

#include <fmt/format.h>

#include <cmath>

#include "mpi/error.hpp"
#include "src/methods/method_stages.hpp"

namespace lift {

std::string MethodOptions::violation() const {
  if (const auto fault = training.violation(); !fault.empty()) return fault;
  if (steps < 0) return fmt::format("steps = {} violates steps ≥ 0", steps);
  if (budget && !(*budget > 0)) return fmt::format("budget = {} violates budget > 0", *budget);
  if (evaluations && *evaluations < 1)
    return fmt::format("evaluations = {} violates evaluations ≥ 1", *evaluations);
  if (trials < 1) return fmt::format("trials = {} violates trials ≥ 1", trials);
  if (!(lambda_low > 0 && lambda_low <= lambda_high && std::isfinite(lambda_high)))
    return fmt::format("lambda_low = {}, lambda_high = {} violate 0 < lambda_low ≤ lambda_high < ∞",
                       lambda_low, lambda_high);
  if (grid_steps < 2) return fmt::format("grid_steps = {} violates grid_steps ≥ 2", grid_steps);
  if (tensor_steps < 2) return fmt::format("tensor_steps = {} violates tensor_steps ≥ 2", tensor_steps);
  if (lower_blocks < 1) return fmt::format("lower_blocks = {} violates lower_blocks ≥ 1", lower_blocks);
  if (flatness.pairs > 0 && method == Method::f2sa_lambda)
    return fmt::format("flatness.pairs = {} violates pairs = 0: f does not depend on lambda", flatness.pairs);
  for (const auto& fault : {tpgm.violation(), ftp.violation(), penalty.violation(), flatness.violation()})
    if (!fault.empty()) return fault;
  return "";
}

const char* to_string(Method method) noexcept {
  switch (method) {
    case Method::lift:
      return "lift";
    case Method::early_stop:
      return "early-stop";
    case Method::grid:
      return "grid";
    case Method::random:
      return "random";
    case Method::train_valid:
      return "train-valid";
    case Method::validation_steps:
      return "validation-steps";
    case Method::wise:
      return "wise";
    case Method::wise_tensors:
      return "wise-tensors";
    case Method::tpgm:
      return "tpgm";
    case Method::tpgm_once:
      return "tpgm-once";
    case Method::ftp:
      return "ftp";
    case Method::pbgd_free:
      return "pbgd-free";
    case Method::f2sa:
      return "f2sa";
    case Method::v_pbgd:
      return "v-pbgd";
    case Method::bome:
      return "bome";
    case Method::alright:
      return "alright";
    case Method::f2sa_lambda:
      break;
  }
  return "f2sa-lambda";
}

std::optional<PenaltyMethod> penalty_method(Method method) noexcept {
  switch (method) {
    case Method::pbgd_free:
      return PenaltyMethod::pbgd_free;
    case Method::f2sa:
    case Method::f2sa_lambda:
      return PenaltyMethod::f2sa;
    case Method::v_pbgd:
      return PenaltyMethod::v_pbgd;
    case Method::bome:
      return PenaltyMethod::bome;
    case Method::alright:
      return PenaltyMethod::alright;
    default:
      return std::nullopt;
  }
}

bool needs_pretrained(const MethodOptions& options) noexcept {
  switch (options.method) {
    case Method::wise:
    case Method::wise_tensors:
    case Method::tpgm:
    case Method::tpgm_once:
    case Method::ftp:
      return true;
    default:
      return options.from_pretrained;
  }
}

MethodSummary run_method(const SearchState& state, const MethodOptions& options,
                         const SearchObserver& observer) {
  if (const auto violation = options.violation(); !violation.empty())
    throw AgreedError(ExitCode::usage, fmt::format("{}: {}", to_string(options.method), violation));
  if (needs_pretrained(options) && !state.pretrained.defined())
    throw AgreedError(ExitCode::usage,
                      fmt::format("{} needs the pretrained weights", to_string(options.method)));
  if (options.method == Method::lift)
    throw AgreedError(ExitCode::internal, "the hyperlocal search is not run here");
  switch (options.method) {
    case Method::wise:
      return run_wise(state, options, observer);
    case Method::wise_tensors:
      return run_wise_tensors(state, options, observer);
    case Method::tpgm_once:
      return run_tpgm_once(state, options, observer);
    default:
      break;
  }
  return penalty_method(options.method) ? run_penalty(state, options, observer)
                                        : run_trainings(state, options, observer);
}

}  // namespace lift
