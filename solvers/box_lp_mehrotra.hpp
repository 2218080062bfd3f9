#pragma once
#include <chrono>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "solvers/box_lp.hpp"
#include "solvers/box_lp_sweeps.hpp"
#include "solvers/row_basis.hpp"
#include "solvers/semidefinite_factor.hpp"

namespace lift::box_lp {

/// One solve of a box LP by Mehrotra's predictor–corrector method; see solve_box_lp.
///
/// Every iterate keeps |x| < 1 and z > 0. The reduced costs r = c − Bᵀy are formed anew in every assembly, so
/// that the gap and the residual that end the loop are those of the certificate, up to rounding.
///
/// Collective  everything, on the problem's communicator; all ranks take the same decisions, because these
///             rest on sums over ranks and on m × m work alone.
class Mehrotra {
 public:
  /// `d` serves as the slack vector while the loop runs, where it has room for all unknowns, and holds the
  /// direction at its end.
  Mehrotra(const LpShard& problem, const BoxLpOptions& options, std::span<double> d);
  BoxLpSummary run();

 private:
  /// false where Σ_k |a_ik| u_k or Σ_k |g_k| u_k overflows.
  [[nodiscard]] bool scale();
  void start();
  void find_basis();
  void start_multipliers();
  LpStatus iterate();
  void measure();
  void keep_all_rows();
  [[nodiscard]] bool within(double part) const;
  [[nodiscard]] bool stalled();
  void restore_feasibility();
  void take_step();
  [[nodiscard]] double centring_parameter(PredictorSums& ahead);
  void choose_step_length(const InverseSteps& mine);
  /// dy of A d = 0 from the right-hand side of the normal equations, both [m].
  [[nodiscard]] std::vector<double> solve(const SemidefiniteFactor& factor,
                                          std::span<const double> rhs) const;
  void write_direction();
  void write_zero();
  [[nodiscard]] BoxLpSummary summarise(LpStatus status);
  [[nodiscard]] double elapsed() const;

  const LpShard& problem_;
  const BoxLpOptions& options_;
  const Communicator& comm_;
  std::chrono::steady_clock::time_point started_;
  std::span<double> d_;
  std::vector<double> with_relaxation_;  ///< slacks, on the rank that has A d among its unknowns
  std::span<double> slacks_;             ///< d_ or with_relaxation_
  ScaledLp lp_;
  InteriorPoint point_;
  std::vector<double> y_;          ///< multipliers of B x = 0
  std::vector<double> row_norms_;  ///< Σ_k |b_ik|
  NewtonSums sums_;
  StepLength step_;     ///< of the step that the next assembly follows
  double coordinates_;  ///< p + n, and m where A d is among the unknowns
  double gap_ = 0;      ///< as in LpCertificate
  double residual_ = 0;
  double seconds_ = 0;  ///< agreed on by all ranks after every step
  int iterations_ = 0;
  int reweighs_ = 0;
  std::int64_t sweeps_ = 0;
  double best_merit_ = std::numeric_limits<double>::infinity();
  int best_iteration_ = 0;
};

}  // namespace lift::box_lp
