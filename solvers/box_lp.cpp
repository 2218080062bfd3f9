#include "solvers/box_lp.hpp"

#include <fmt/format.h>

#include <cmath>

#include "mpi/agreement.hpp"
#include "solvers/box_lp_mehrotra.hpp"
#include "solvers/lp_checks.hpp"

namespace lift {

bool answered(LpStatus status) noexcept {
  return status == LpStatus::optimal;
}
bool failed(LpStatus status) noexcept {
  return status == LpStatus::not_finite;
}

const char* to_string(LpStatus status) noexcept {
  switch (status) {
    case LpStatus::optimal:
      return "optimal";
    case LpStatus::iteration_limit:
      return "iteration_limit";
    case LpStatus::time_limit:
      return "time_limit";
    case LpStatus::stalled:
      return "stalled";
    case LpStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

std::string BoxLpOptions::violation() const {
  if (!(gap_tol > 0)) return fmt::format("gap_tol = {} violates gap_tol > 0", gap_tol);
  if (!(residual_tol > 0)) return fmt::format("residual_tol = {} violates residual_tol > 0", residual_tol);
  if (max_iterations < 1)
    return fmt::format("max_iterations = {} violates max_iterations >= 1", max_iterations);
  if (!(max_seconds > 0)) return fmt::format("max_seconds = {} violates max_seconds > 0", max_seconds);
  return "";
}

BoxLpSummary solve_box_lp(const BoxLpProblem& problem, const BoxLpOptions& options, std::span<double> d) {
  const auto& comm = problem.a.comm();
  agree(comm, [&] {
    if (const auto wrong = options.violation(); !wrong.empty()) {
      throw Error(ExitCode::internal, "box LP: " + wrong);
    }
  });
  const std::vector<double> no_multipliers(static_cast<std::size_t>(problem.a.rows()), 0.0);
  check_lp_shapes("box LP", problem.a, {problem.g, problem.u, d, no_multipliers});
  return box_lp::Mehrotra(problem, options, d).run();
}

}  // namespace lift
