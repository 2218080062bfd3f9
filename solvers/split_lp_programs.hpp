#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace lift {

/// What is left of a split LP once A d = 0 is solved for:
///
///   min fᵀt − rest·s  subject to  x = N_x t in the set of λ,  w = N_w t,  ‖(w, s)‖₂ ≤ 1,
///
/// with N = (N_x; N_w) of orthonormal columns.
///
/// Shapes  basis: size columns of p + r, column after column, x before w; cost: f, [size]. rest ≥ 0.
struct ReducedProgram {
  std::size_t p = 0;
  std::size_t r = 0;
  std::vector<double> basis;
  std::vector<double> cost;
  double rest = 0;

  [[nodiscard]] std::size_t size() const noexcept { return cost.size(); }
  [[nodiscard]] std::span<const double> x_part(std::size_t j) const {
    return std::span(basis).subspan(j * (p + r), p);
  }
  [[nodiscard]] std::span<const double> w_part(std::size_t j) const {
    return std::span(basis).subspan(j * (p + r) + p, r);
  }
};

/// An optimum of a ReducedProgram, and the costs (x_cost, w_cost) that it is also optimal for without the
/// coupling of x and w, equal to f on N: f = N_xᵀ x_cost + N_wᵀ w_cost.
struct ReducedAnswer {
  std::vector<double> x;  ///< [p]
  std::vector<double> w;  ///< [r]
  double s = 0;
  std::vector<double> x_cost;  ///< [p]
  std::vector<double> w_cost;  ///< [r]
  int iterations = 0;
};

/// ‖x‖₂ ≤ 1: a secular equation.
///
/// Method  With multipliers μ, ν of the two balls, (μ N_xᵀN_x + ν N_wᵀN_w) t = −f and ν s = rest. A one-sided
///         Jacobi rotation of N_w (Hestenes 1958) makes both forms diagonal, C² + S² = I, so that for
///         τ = μ/ν: ν t_i = −f_i/(τC_i² + S_i²), and ‖x‖/‖(w, s)‖, which falls as τ grows, has to be 1: τ is
///         found by bisection of log τ. Where it is below 1 for τ → 0 the ball of λ does not bind, where it
///         is above 1 for τ → ∞, which needs rest = 0, that of W does not.
/// Test    tests/solvers/test_split_lp.cpp
ReducedAnswer solve_in_balls(ReducedProgram program);

/// |x_i| ≤ 1: a second-order cone program.
///
/// Method  primal–dual predictor–corrector steps with the scaling of Nesterov and Todd, on 2p inequalities
///         and the cone ‖(w, s)‖ ≤ 1 (Andersen, Roos and Terlaky 2003, "On implementing a primal-dual
///         interior-point method for conic quadratic optimization"; the scaling as in Vandenberghe 2010,
///         "The CVXOPT linear and quadratic cone program solvers"). t = 0 is strictly feasible and central.
/// Cost    some 15 steps of size³/3 + 2p·size² operations.
/// Test    tests/solvers/test_split_lp.cpp
ReducedAnswer solve_in_box_and_ball(const ReducedProgram& program);

}  // namespace lift
