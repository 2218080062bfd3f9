#pragma once
#include <cstdint>
#include <limits>
#include <span>

#include "solvers/krylov_basis.hpp"

namespace lift {

/// How a solve ended: at its tolerance, at its iteration limit, on a direction of curvature ≤ 0, or on
/// numbers that are not finite.
enum class CgEnd { converged, iteration_limit, indefinite, not_finite };

struct CgSummary {
  CgEnd end = CgEnd::not_finite;
  int iterations = 0;
  /// The least curvature pᵀ(H + μ)p / pᵀp of the directions taken, the greatest likewise; NaN without a
  /// direction.
  double least = std::numeric_limits<double>::quiet_NaN();
  double greatest = std::numeric_limits<double>::quiet_NaN();
};

/// Solves (H + μI) x = b, H symmetric, as long as H + μI shows itself positive definite.
///
/// Method      PETSc's CG on a MATSHELL, from x = 0, without a preconditioner. Every direction's
///             curvature is measured beside, because PETSc's CG goes on where all of them are negative.
///             A direction of curvature ≤ 0 ends the solve. With `known`, whose U has b ⊥ U and T + μ
///             positive definite, KrylovBasis::deflate() is the preconditioner: all directions are conjugate
///             to U, for no product more (Tang, Nabben, Vuik and Erlangga 2009, J. Sci. Comput. 39:340).
/// Shapes      b: this rank's shard; x: likewise, out, whatever the end.
/// Types       float64; memory of six vectors of the shard's length.
/// Collective  on `comm`, with layout.parts() = comm.size(); all ranks end alike.
/// Throws      Error(internal) where PETSc fails; what `h` throws.
/// Cost        a product and two small reductions beside CG's own, an iteration.
/// Test        tests/solvers/test_shifted_cg.cpp
CgSummary solve_shifted(const SymmetricOperator& h, double mu, std::span<const double> b, double tol,
                        int max_iterations, const ShardMap& layout, const Communicator& comm,
                        std::span<double> x, const KrylovBasis* known = nullptr);

/// Adds to x = Uy, y = (T + μ)⁻¹Uᵀb_c, what a basis left of chain c's vector: solve_shifted() of its
/// residual, deflated by the basis, until that is at most tol · ‖b_c‖.
///
/// Shapes, collective, throws and cost as solve_shifted(); y not solved to tol.
/// Test        tests/solvers/test_stationarity_basis.cpp, test_schur_complement.cpp
CgSummary solve_rest(const SymmetricOperator& h, double mu, const KrylovBasis& basis, int chain,
                     std::span<const double> y, double tol, int max_iterations, const ShardMap& layout,
                     const Communicator& comm, std::span<double> x);

}  // namespace lift
