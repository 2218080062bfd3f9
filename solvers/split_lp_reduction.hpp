#pragma once
#include <optional>
#include <span>
#include <vector>

#include "solvers/free_lp_parts.hpp"
#include "solvers/pivoted_qr.hpp"
#include "solvers/row_space.hpp"
#include "solvers/split_lp.hpp"
#include "solvers/split_lp_programs.hpp"

namespace lift {

/// The same λ beside free weights: what FreeLpProblem's functions of λ alone take.
inline FreeLpProblem lambda_view(const SplitLpProblem& problem) {
  return {problem.a, problem.g, problem.u, problem.p};
}

/// A split LP without its n weights.
///
/// Method  In x = D⁻¹dλ and z = D⁻¹dW the rows are B_λ x + B_W z = 0. z is Q w, in the row space of B_W,
///         and a part of its null space, which serves the cost alone: along −c_N, what B_W leaves of c_W.
///         With T B_W = K Qᵀ (RowSpace; K Kᵀ its Gram matrix) the rows are T B_λ x + K w = 0, and L B_λ x = 0
///         with L B_W = 0 where rows of B_W depend on each other. Rows are brought to unit length, and an
///         orthonormal basis N of the (x, w) that they leave comes from PivotedQr: no quotient of λ's and
///         W's scales is formed, however far apart they are.
/// Collective  constructor and write_direction, on the communicator of A; what they leave is the same on
///         every rank, to the last bit.
class SplitReduction {
 public:
  /// `d` is where this keeps c_N, in units of D, until write_direction.
  SplitReduction(const SplitLpProblem& problem, std::span<double> d);
  /// Whether no number has overflowed; if not, nothing below is of use.
  [[nodiscard]] bool finite() const noexcept { return finite_; }
  [[nodiscard]] const ReducedProgram& program() const noexcept { return program_; }
  [[nodiscard]] int weight_rank() const noexcept { return weights_.rank(); }
  [[nodiscard]] std::int64_t sweeps() const noexcept { return weights_.sweeps(); }

  void write_direction(const ReducedAnswer& answer);
  /// y with reduced costs D r = (x_cost, Q w_cost + c_N).
  [[nodiscard]] std::vector<double> multipliers(const ReducedAnswer& answer) const;

 private:
  void project_cost();
  void add_row(std::span<const double> x, std::span<const double> w, std::span<const double> combination);
  void add_rows();
  void eliminate();

  const SplitLpProblem& problem_;
  std::span<double> d_;
  std::vector<double> weight_u_;  ///< u on this rank's weights, 0 on λ
  RowSpace weights_;
  LambdaPart lambda_;
  std::vector<double> root_;          ///< K, r × r, row-major
  std::vector<double> cost_;          ///< (c_λ, q): c = D g, q the coordinates of c_W in Q
  std::vector<double> rows_;          ///< unit rows over (x, w)
  std::vector<double> combinations_;  ///< what they are of the rows of A, [m] each
  std::optional<PivotedQr> qr_;       ///< of the transposed rows
  ReducedProgram program_;
  bool finite_ = false;
};

}  // namespace lift
