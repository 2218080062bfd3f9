#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "solvers/krylov_basis.hpp"

namespace lift {

/// How an exact-stationarity direction ended. Answered: `solved`. Stopped (`iteration_limit`,
/// `stalled`): gᵀdW < 0 and the direction is usable, residuals and certificate say how good it is.
/// Failed: no step, d = 0.
enum class StationarityStatus { solved, iteration_limit, stalled, no_descent, indefinite, not_finite };
[[nodiscard]] bool answered(StationarityStatus status) noexcept;
[[nodiscard]] bool failed(StationarityStatus status) noexcept;
[[nodiscard]] const char* to_string(StationarityStatus status) noexcept;

/// Where dλ may lie, with Σ = diag(s): |dλ_i| ≤ s_i, or ‖Σ⁻¹dλ‖₂ ≤ 1.
enum class LambdaSet { box, ball };

/// min gᵀdW  subject to  H21 dλ + (H22 + μI) dW = 0 and dλ in its set: equation (6) of the paper,
/// damped.
///
/// Shapes  g: this rank's shard of n = layout.total(); s: [p], the same on every rank, finite and ≥ 0. p
///         may be 0.
struct StationarityProblem {
  SymmetricOperator h22;
  /// w = H21 λ: λ is [p], w this rank's shard, out. Local.
  std::function<void(std::span<const double> lambda, std::span<double> w)> h21;
  /// λ = this rank's part of H12 w: w its shard, λ is [p], out; the solver adds the parts up. Local.
  std::function<void(std::span<const double> w, std::span<double> lambda)> h12;
  std::span<const double> g;
  std::span<const double> s;
  const ShardMap& layout;
  const Communicator& comm;
  BlockOperator h22_block = {};  ///< several products with H22 at once; empty: one after the other

  /// h22_block, or what stands for it. Refers to this.
  [[nodiscard]] BlockOperator block() const { return h22_block ? h22_block : one_by_one(h22); }
};

/// What stands for (H22 + μ)⁻¹.
///
/// shifted   itself, as long as H22 + μI shows itself positive definite; else μ is raised.
/// absolute  (|H22| + μ)⁻¹ on the Krylov basis, |H22| = U|T|Uᵀ there: negative curvature counts by its size
///           (Dauphin et al. 2014, saddle-free Newton). No μ is too small.
enum class DampedInverse { shifted, absolute };

struct StationarityOptions {
  LambdaSet set = LambdaSet::box;
  DampedInverse inverse = DampedInverse::shifted;
  std::optional<double> mu;  ///< damping ≥ 0 to begin with; without it, see solve_stationarity
  double delta = 1e-3;       ///< of the largest |θ|: what a chosen μ leaves above 0, > 0
  int lanczos_steps = 8;     ///< where μ is chosen, ≥ 1
  int basis = 30;            ///< vectors of the Krylov basis held, ≥ 1
  double tol = 1e-8;         ///< relative residual at which a solve ends; solved: both measured ≤ 10 tol
  double certificate_tol = 1e-5;     ///< solved needs certificate ≤ certificate_tol
  int max_iterations = 500;          ///< CG iterations a solve, ≥ 1
  std::int64_t max_products = 5000;  ///< products with H22 in all, ≥ 1; two to measure the residuals beside
  int max_raises = 6;                ///< times that μ may be raised, ≥ 0
  /// "" when valid, else as "tol = -1 violates tol > 0".
  [[nodiscard]] std::string violation() const;
};

struct StationaritySummary {
  StationarityStatus status = StationarityStatus::not_finite;
  double mu = 0;  ///< damping of both solves, after all raises
  /// The least and the largest curvature vᵀH22v/vᵀv met, Ritz values and CG directions; NaN if none.
  double theta_min = std::numeric_limits<double>::quiet_NaN();
  double theta_max = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> gamma;    ///< hypergradient −H12 q, [p], the same on every rank
  std::vector<double> dlambda;  ///< [p], the same on every rank
  std::vector<double> q;        ///< this rank's shard of (H22 + μ)⁻¹g as far as found, 0 without a solve
  double predicted = 0;         ///< γᵀdλ: −‖Σγ‖₁ (box) or −‖Σγ‖₂ (ball)
  double g_dw = 0;              ///< gᵀdW, of the dW found even where `no_descent` sets it to 0
  /// |gᵀdW − γᵀdλ| / |γᵀdλ|: the two solves bear each other out where this is small; 0 when the
  /// numerator is 0. Of the adjoint alone: q_residual.
  double certificate = 0;
  double q_residual = 0;  ///< ‖g − (H22 + μ)q‖₂ / ‖g‖₂, measured after the fact; absolute: last change of q
  /// ‖H21dλ + (H22 + μ)dW‖₂ / ‖H21dλ‖₂, measured after the fact; absolute: last change of dW, relative.
  double z_residual = 0;
  int q_iterations = 0;       ///< products of the last solve for q that it added
  int z_iterations = 0;       ///< of the last solve for dW
  int raises = 0;             ///< times that μ was raised
  std::int64_t products = 0;  ///< with H22, all counted
  double seconds = 0;         ///< wall time [s], largest over the ranks
  std::string message;        ///< one sentence for the log: how it ended, with the numbers
};

/// Finds the direction along which W stays stationary to first order while λ moves best.
///
/// Method      (H22 + μ)q = g, γ = −H12 q, dλ from γ in closed form (box: −Σ sign γ, 0 where γ_i = 0;
///             ball: −Σ²γ / ‖Σγ‖₂), (H22 + μ)dW = −H21 dλ, one μ for both: two solves, whatever p. One
///             KrylovBasis grows from g and then from −H21 dλ; each solve is Galerkin's on it until its
///             residual meets `tol`, which is CG's iterate where there is one chain (Lanczos 1952), or until
///             options.basis vectors are held: then PETSc's CG, deflated by the basis, does the rest.
///             Without options.mu, the first lanczos_steps vectors give μ = max(0, −θ) + delta · max|θ|,
///             with θ the lower end of the least Ritz value's error interval. A T + μ that is not positive
///             definite, or a direction of CG, raises μ to max(4μ, what this curvature needs + delta ·
///             max|θ|); the basis serves any μ, so that the same products go on.
///             absolute: μ = delta · max|θ| where none is given, q and dW from one and the same basis, so
///             that gᵀdW = γᵀdλ < 0 however few products there were; until y of each solve moves by less than
///             `tol` from one vector to the next, or the basis is full.
/// Shapes      dw: this rank's shard of n, out, whatever the status.
/// Types       float64; memory of options.basis + 12 vectors of the shard's length.
/// Collective  on problem.comm; the summary is the same on every rank.
/// Throws      AgreedError(internal) for invalid options, a wrong shape, s < 0 or not finite, g not
///             finite; and what the callables throw.
/// Cost        the two solves' products with H22, those that chose μ among them, and two at once that measure
///             the residuals.
/// Limits      g = 0, p = 0, H21 = 0 or s = 0 leave nothing to move: `solved` with d = 0, said in the
///             message. μ biases γ: it is the hypergradient of the problem with μ/2 ‖W − W0‖² added. A
///             tol below the products' own noise (float32) is not met: `stalled` or `iteration_limit`.
/// Test        tests/solvers/test_exact_stationarity*.cpp, test_stationarity_basis.cpp (closed forms A1, A4;
/// indefinite, singular; 1,
///             2, 4 ranks)
StationaritySummary solve_stationarity(const StationarityProblem& problem, const StationarityOptions& options,
                                       std::span<double> dw);

/// The adjoint alone: q, the hypergradient γ and the dλ that goes down it farthest, without dW.
///
/// Method      as solve_stationarity() up to γ; all products left go to the one solve.
/// Certificate q_residual, the relative error of the row [−γᵀ, gᵀ] where [H12 q, (H22 + μ)q] is meant;
///             `solved` needs it ≤ 10 tol, whatever certificate_tol. z_residual, z_iterations and g_dw stay
///             0; `no_descent` where no product was left to find a γ ≠ 0 with.
/// Collective, throws, types, limits  as solve_stationarity().
/// Cost        the solve's products with H22, and one that measures its residual.
/// Test        tests/solvers/test_adjoint.cpp (1, 2, 4 ranks)
StationaritySummary solve_adjoint(const StationarityProblem& problem, const StationarityOptions& options);

}  // namespace lift
