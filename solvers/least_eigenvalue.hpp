#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "solvers/lanczos.hpp"

namespace lift {

/// How the search for the least eigenvalue ended. Answered: `converged`. Stopped: v and its curvature are
/// what they are, `budget_spent` or `stalled` (SLEPc's estimate met the tolerance, the measured residual did
/// not, as with products that are noisy). Failed: `not_finite`.
enum class EigenStatus { converged, budget_spent, stalled, not_finite };
[[nodiscard]] bool answered(EigenStatus status) noexcept;
[[nodiscard]] bool failed(EigenStatus status) noexcept;
[[nodiscard]] const char* to_string(EigenStatus status) noexcept;

struct EigenOptions {
  std::int64_t max_products = 60;  ///< with H, the certificate's included, ≥ 4
  int basis = 30;                  ///< vectors held, and Lanczos steps before the first restart, ≥ 3
  double tol = 1e-6;      ///< of the largest ‖Hx‖/‖x‖ met; converged: residual ≤ 10 tol of it
  double failure = 0.01;  ///< probability that `lower_bound` may be wrong, in (0, 1)
  /// "" when valid, else as "basis = 1 violates basis >= 3".
  [[nodiscard]] std::string violation() const;
};

/// A unit vector v with its curvature, and what is known of the rest of the spectrum.
struct EigenSummary {
  EigenStatus status = EigenStatus::not_finite;
  double value = std::numeric_limits<double>::quiet_NaN();  ///< vᵀHv, by a product of its own
  /// ‖Hv − value·v‖₂, by the same product: an eigenvalue lies within it of `value`.
  double residual = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> vector;                                 ///< this rank's shard of v
  double largest = std::numeric_limits<double>::quiet_NaN();  ///< Ritz value at the other end
  /// With probability at least 1 − options.failure over the start no eigenvalue is below this; −∞ where the
  /// steps are too few to say. The noise of products is not in it.
  double lower_bound = -std::numeric_limits<double>::infinity();
  /// There were as many steps as coordinates, or SLEPc found their space invariant: with probability 1 over
  /// the start every eigenvalue was met, and lower_bound is value − residual.
  bool whole_spectrum = false;
  int steps = 0;  ///< Lanczos steps from the start before a restart, which lower_bound counts
  /// [steps], ascending: eigenvalues of the tridiagonal T of those steps, T_jj = v_jᵀ(Hv_j) and T_j,j+1 =
  /// v_{j+1}ᵀ(Hv_j) taken anew from vectors and products. By SLEPc's full orthogonalisation Hv_j is
  /// orthogonal to each v_i, i > j + 1: every entry of T is v_iᵀHv_j by one product. inertia_bound() counts
  /// by them.
  std::vector<double> ritz_values;
  std::int64_t products = 0;  ///< with H, all counted
  double seconds = 0;         ///< wall time [s], largest over the ranks
  std::string message;        ///< one sentence for the log
};

/// Looks for the least eigenvalue of a symmetric H within a budget of products.
///
/// Method      SLEPc's Krylov–Schur method (Stewart 2001, SIAM J. Matrix Anal. Appl. 23:601) from `start`;
///             its first cycle is `basis` plain Lanczos steps, each further one half as many. When the
///             products left do not pay for another, the best vector there is is taken. lower_bound: after k
///             steps from a start uniform on the sphere, (θ − λ_min)/(λ_max − λ_min) > ε with probability at
///             most 1.648 √n exp(−√ε (2k − 1)) (Kuczyński and Woźniakowski 1992, SIAM J. Matrix Anal. Appl.
///             13:1094, Theorem 4.2), used at both ends, half of `failure` each.
/// Shapes      start: this rank's shard of layout.total() ≥ 1 coordinates, not 0. lower_bound means something
///             only if it is normal noise, the same on any rank count.
/// Types       float64; memory of basis + 7 vectors of the shard's length.
/// Collective  on `comm`, with layout.parts() = comm.size(); all but the vector is the same on every rank.
/// Throws      AgreedError(internal) for invalid options, a wrong shape or a start of 0; Error(internal)
/// where
///             SLEPc fails; what `h` throws.
/// Cost        at most max_products products, O(basis · n) a step beside.
/// Test        tests/solvers/test_least_eigenvalue.cpp (dense spectra; 1, 2, 4 ranks)
EigenSummary least_eigenvalue(const SymmetricOperator& h, std::span<const double> start,
                              const ShardMap& layout, const Communicator& comm,
                              const EigenOptions& options = {});

/// ε of the bound above for `failure` at one end; ∞ for k < 1.
[[nodiscard]] double lanczos_margin(std::int64_t n, int steps, double failure) noexcept;

}  // namespace lift
