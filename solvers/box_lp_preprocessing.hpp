#pragma once
#include <chrono>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "solvers/box_lp.hpp"
#include "solvers/box_lp_screen.hpp"

namespace lift::box_lp {

/// Coordinates of a pilot, and in doubt after it, as Portnoy and Koenker take them: (m n)^(2/3) each balances
/// the error of the one with the size of the other; never more than a part of all.
double sample_size(int rows, std::int64_t coordinates);

/// One solve of a box LP by preprocessing; see LpMethod::preprocessing.
///
/// Collective  everything, on the program's communicator; all ranks take the same decisions.
class Preprocessing {
 public:
  Preprocessing(const LpShard& lp, const BoxLpOptions& options, std::span<double> d);
  BoxLpSummary run();

 private:
  /// The sample for a pilot; settles inverse_. Empty where the rows are zero or their norms not finite.
  [[nodiscard]] Draw drawn();
  [[nodiscard]] Draw drawn_by(const NormSums& norms);
  /// First multipliers and the width of the doubt around them; false where there are none.
  [[nodiscard]] bool pilot();
  /// Solves for the coordinates in doubt and one column of all others; moves d and y to the answer, which is
  /// feasible for the whole program whatever the signs of the others.
  [[nodiscard]] LpStatus solve_reduced(Screening& screening);
  /// Solves a pilot or a reduced program, by preprocessing again where it is large; moves y.
  LpStatus solve_part(const LpShard& part, BoxLpOptions options, std::span<double> d);
  void widen(double widest_wrong, const std::vector<double>& before);
  BoxLpSummary whole();
  [[nodiscard]] BoxLpOptions inner(const char* stage, double gap_tol, double residual_tol) const;
  [[nodiscard]] std::int64_t most_doubtful() const;
  /// That of the whole solve, after a reduced one that ended with `status`.
  [[nodiscard]] std::optional<LpStatus> limit_reached(LpStatus status) const;
  [[nodiscard]] BoxLpSummary summarise(LpStatus status, const LpCertificate& certificate) const;
  [[nodiscard]] double elapsed() const;

  const LpShard& lp_;
  const BoxLpOptions& options_;
  std::chrono::steady_clock::time_point started_;
  std::span<double> d_;
  std::vector<double> inverse_;  ///< what makes the weights w (box_lp_screen.hpp)
  std::vector<double> y_;
  double widest_wrong_ = std::numeric_limits<double>::infinity();  ///< Verification's, of the last round
  double width_ = 0;    ///< coordinates with u_k|r_k| ≤ width · w_k are in doubt
  double decided_ = 1;  ///< how far all decided coordinates went together, 1 at their bounds
  LpReduction reduction_;
  int iterations_ = 0;
  std::int64_t sweeps_ = 0;
};

}  // namespace lift::box_lp
