#pragma once
#include <chrono>
#include <span>
#include <vector>

#include "solvers/box_lp.hpp"
#include "solvers/box_lp_sweeps.hpp"

namespace lift::box_lp {

/// One solve of a box LP by Mehrotra's predictor–corrector method; see solve_box_lp.
///
/// Every iterate keeps |x| < 1 and z > 0. The reduced costs r = c − Bᵀy are formed anew in every sweep, so that
/// the gap that stops the loop is that of the certificate, up to rounding.
class Mehrotra {
 public:
  /// `d` serves as the slack vector while the loop runs.
  Mehrotra(const BoxLpProblem& problem, const BoxLpOptions& options, std::span<double> d);
  BoxLpSummary run();

 private:
  void scale();
  void start();
  LpStatus iterate();
  void measure();
  [[nodiscard]] bool converged() const;
  [[nodiscard]] bool stalled();
  void take_step();
  void write_direction();
  void write_zero();
  [[nodiscard]] BoxLpSummary summarise(LpStatus status);
  [[nodiscard]] double elapsed() const;

  const BoxLpProblem& problem_;
  const BoxLpOptions& options_;
  const Communicator& comm_;
  std::chrono::steady_clock::time_point started_;
  std::span<double> d_;
  ScaledLp lp_;
  InteriorPoint point_;
  std::vector<double> y_;  ///< multipliers of B x = 0
  NewtonSums sums_;
  StepLength step_;
  double coordinates_;    ///< p + n
  double gap_ = 0;        ///< as in LpCertificate
  double residual_ = 0;   ///< as in LpCertificate
  double seconds_ = 0;    ///< agreed on by all ranks after every step
  int iterations_ = 0;
  int short_steps_ = 0;   ///< in a row
  std::int64_t sweeps_ = 0;
};

}  // namespace lift::box_lp
