#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "solvers/exact_stationarity.hpp"

namespace lift {

/// How it ended. Answered: `solved`. Stopped: S is what its residual, asymmetry and largest eigenvalue say,
/// `iteration_limit` or `stalled` (the solves ended, the certificate is not met). Failed: `indefinite` (H22 +
/// μI is not positive definite: S with this μ means nothing) and `not_finite`.
enum class SchurStatus { solved, stalled, iteration_limit, indefinite, not_finite };
[[nodiscard]] bool answered(SchurStatus status) noexcept;
[[nodiscard]] bool failed(SchurStatus status) noexcept;
[[nodiscard]] const char* to_string(SchurStatus status) noexcept;

struct SchurOptions {
  double mu = 0;      ///< damping ≥ 0
  double tol = 1e-8;  ///< relative residual of each solve; solved: all measured ≤ 10 tol
  /// Solved needs asymmetry, and an eigenvalue above 0 beside the largest |S_ij|, ≤ certificate_tol.
  double certificate_tol = 1e-5;
  int basis = 100;                   ///< vectors of the Krylov basis held, ≥ 1
  int max_iterations = 500;          ///< steps of the basis and CG iterations of a solve, ≥ 1
  std::int64_t max_products = 5000;  ///< with H22 in all, ≥ 1; one a column to measure its residual beside
  /// "" when valid, else as "mu = -1 violates mu >= 0".
  [[nodiscard]] std::string violation() const;
};

struct SchurSummary {
  SchurStatus status = SchurStatus::not_finite;
  std::vector<double>
      s;  ///< [p × p], symmetrised, the same on every rank; empty where it failed or residual > 0.1
  std::vector<double> eigenvalues;  ///< [p], ascending; empty likewise
  /// max |S_ij − S_ji| / max |S_ij| as computed: small where the solves bear each other out; 0 for S = 0.
  double asymmetry = 0;
  double residual = 0;  ///< ‖H21 e_i − (H22 + μ)x_i‖₂ / ‖H21 e_i‖₂, the largest, measured after the fact
  std::int64_t products = 0;  ///< with H22, all counted
  double seconds = 0;         ///< wall time [s], largest over the ranks
  std::string message;        ///< one sentence for the log
};

/// S = −H12 (H22 + μI)⁻¹ H21, the Schur complement of H22 in the joint Hessian whose H11 is 0.
///
/// Method      p solves, one a column of H21 (columns of zeros need none), which share a KrylovBasis that
/// grows
///             from all columns at once: each step is one block of products, one for each column that needs
///             it, and each solve is Galerkin's on all of it. Where it is full, PETSc's CG, deflated by it,
///             does the rest, a column at a time. Eigenvalues of S by SLEPc's dense solver. With H22 + μI
///             positive definite S ⪯ 0, whatever the data: what is above 0 is an error.
/// Shapes      problem: of it h22, h21, h12, layout and comm are read, and the length of s, which is p ≥ 0.
/// Types       float64; memory of options.basis + p + 12 vectors of the shard's length, p² on every rank.
/// Collective  on problem.comm; the summary is the same on every rank.
/// Throws      AgreedError(internal) for invalid options or a wrong layout; Error(internal) where PETSc
/// fails; what the callables
///             throw.
/// Cost        p solves and p products to measure their residuals.
/// Test        tests/solvers/test_schur_complement.cpp (dense S; 1, 2, 4 ranks)
SchurSummary schur_complement(const StationarityProblem& problem, const SchurOptions& options = {});

}  // namespace lift
