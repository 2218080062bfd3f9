#pragma once
#include <span>
#include <string>
#include <vector>

#include "solvers/lanczos.hpp"

namespace lift {

/// A Gauss quadrature of the spectrum of H as one vector sees it: Σ_i weight_i f(node_i) ≈ vᵀf(H)v / vᵀv.
struct SpectralQuadrature {
  LanczosStatus status = LanczosStatus::not_finite;
  std::vector<double> nodes;    ///< Ritz values, ascending; empty where it failed, and for a start of 0
  std::vector<double> weights;  ///< ≥ 0, of sum 1
  int products = 0;             ///< with H
  double seconds = 0;           ///< wall time [s], largest over the ranks
  std::string message;          ///< one sentence for the log
};

/// Takes k steps of the plain Lanczos method.
///
/// Method      three vectors, without reorthogonalisation: copies of eigenvalues that have converged come
///             again, and share their weight (Golub and Meurant 1994; for the density of a Hessian Ghorbani,
///             Krishnan and Xiao 2019). Exact for polynomials f of degree 2k − 1 up to rounding.
/// Shapes      start: this rank's shard of layout.total() coordinates; normal noise sees every eigenvalue
/// alike
///             in the mean.
/// Types       float64; memory of three vectors of the shard's length.
/// Collective  on `comm`, with layout.parts() = comm.size(); the same on every rank.
/// Throws      AgreedError(internal) for steps < 1 or a wrong shape; what `h` throws.
/// Cost        at most `steps` products, fewer where the start lies in an invariant subspace.
/// Test        tests/solvers/test_spectral_density.cpp (1, 2, 4 ranks)
SpectralQuadrature spectral_quadrature(const SymmetricOperator& h, std::span<const double> start, int steps,
                                       const ShardMap& layout, const Communicator& comm);

/// The density at x of the mean of several quadratures, each node spread as a normal distribution of
/// deviation `width`: an estimate of the density of the eigenvalues, of integral 1; 0 everywhere if there is
/// no quadrature. Those that failed or are empty do not count. Throws Error(internal) unless width > 0.
[[nodiscard]] double spectral_density(std::span<const SpectralQuadrature> quadratures, double width,
                                      double x);

}  // namespace lift
