#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/shard_map.hpp"

namespace lift {

/// y = H x for a symmetric H: both are this rank's shard, and do not overlap. Collective on the
/// communicator of the solver that it is handed to; what it throws is AgreedError, or the same on every
/// rank.
using SymmetricOperator = std::function<void(std::span<const double> x, std::span<double> y)>;

/// How a Lanczos run ended. Answered: `complete` (all steps taken) or `invariant` (the basis spans an
/// invariant subspace, its Ritz values are eigenvalues; no vector at all where the start is 0). Failed:
/// `not_finite`.
enum class LanczosStatus { complete, invariant, not_finite };
[[nodiscard]] bool answered(LanczosStatus status) noexcept;
[[nodiscard]] bool failed(LanczosStatus status) noexcept;
[[nodiscard]] const char* to_string(LanczosStatus status) noexcept;

struct LanczosOptions {
  int steps = 8;  ///< products with H, ≥ 1
  /// A residual ≤ invariant_tol · (the largest |α| + 2β so far) ends the run as `invariant`.
  double invariant_tol = 1e-12;
  /// Called on every rank after each product with vector i of the basis and H v_i, this rank's shards;
  /// may be empty.
  std::function<void(int i, std::span<const double> v, std::span<const double> hv)> on_vector;
  /// "" when valid, else as "steps = 0 violates steps >= 1".
  [[nodiscard]] std::string violation() const;
};

/// Basis V, tridiagonal T = Vᵀ H V and its eigenpairs, with k vectors.
struct LanczosSummary {
  LanczosStatus status = LanczosStatus::not_finite;
  std::vector<std::vector<double>> basis;  ///< this rank's shard of v_0 … v_{k−1}, orthonormal
  std::vector<double> alpha;               ///< [k], diagonal of T
  std::vector<double> beta;                ///< [k], below it; the last one is the norm of the residual
  std::vector<double> ritz_values;         ///< [k], ascending
  std::vector<double> ritz_vectors;        ///< [k × k], row i: the coordinates of Ritz vector i in V
  /// [k], |β_k s_ki|: each interval ritz_values[i] ± bounds[i] holds an eigenvalue of H.
  std::vector<double> bounds;
  /// max |v_iᵀHv_j − T_ij| above the diagonal: 0 up to rounding if H is symmetric, else its noise.
  double asymmetry = 0;
  int products = 0;     ///< with H
  double seconds = 0;   ///< wall time [s], largest over the ranks
  std::string message;  ///< one sentence for the log
};

/// Takes k steps of the Lanczos method with full reorthogonalisation.
///
/// Method      Lanczos 1950; every residual is made orthogonal to all vectors so far by classical
///             Gram–Schmidt, twice (Parlett 1998, "The Symmetric Eigenvalue Problem", §6.9). Eigenpairs
///             of T by implicit QL (symmetric_tridiagonal_eigen). Bounds: Parlett, §13.2.
/// Shapes      start: this rank's shard of layout.total() coordinates, any length.
/// Types       float64; memory of k + 1 vectors of the shard's length.
/// Collective  on `comm`, with layout.parts() = comm.size(); all but the basis is the same on every
///             rank, to the last bit.
/// Throws      AgreedError(internal) for invalid options or a wrong shape, and what `h` throws.
/// Cost        k products, O(k² n) beside, three small reductions a step.
/// Limits      finds nothing orthogonal to `start`; the interval round the least Ritz value holds an
///             eigenvalue, not of necessity the least one.
/// Test        tests/solvers/test_lanczos.cpp (dense spectra, invariant subspaces; 1, 2, 4 ranks)
LanczosSummary lanczos(const SymmetricOperator& h, std::span<const double> start, const ShardMap& layout,
                       const Communicator& comm, const LanczosOptions& options = {});

}  // namespace lift
