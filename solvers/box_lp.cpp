#include "solvers/box_lp.hpp"

#include <fmt/format.h>

#include <cmath>

#include "mpi/agreement.hpp"
#include "solvers/box_lp_mehrotra.hpp"
#include "solvers/box_lp_shapes.hpp"

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

void check_shapes(const BoxLpProblem& problem, std::span<const double> d, std::span<const double> y) {
  const auto expected = static_cast<std::size_t>(problem.a.layout().size(problem.a.comm().rank()));
  const auto check = [](const char* name, std::size_t size, std::size_t wanted) {
    if (size == wanted) return;
    throw Error(ExitCode::internal,
                fmt::format("box LP: {} has {} entries, expected {}", name, size, wanted));
  };
  agree(problem.a.comm(), [&] {
    check("the shard of g", problem.g.size(), expected);
    check("the shard of u", problem.u.size(), expected);
    check("the shard of d", d.size(), expected);
    check("y", y.size(), static_cast<std::size_t>(problem.a.rows()));
  });
}

BoxLpSummary solve_box_lp(const BoxLpProblem& problem, const BoxLpOptions& options, std::span<double> d) {
  const auto& comm = problem.a.comm();
  agree(comm, [&] {
    if (const auto wrong = options.violation(); !wrong.empty()) {
      throw Error(ExitCode::internal, "box LP: " + wrong);
    }
  });
  const std::vector<double> no_multipliers(static_cast<std::size_t>(problem.a.rows()), 0.0);
  check_shapes(problem, d, no_multipliers);
  return box_lp::Mehrotra(problem, options, d).run();
}

}  // namespace lift
