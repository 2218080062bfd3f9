#pragma once
#include <cstdint>
#include <vector>

#include "mpi/communicator.hpp"
#include "solvers/exact_stationarity.hpp"
#include "solvers/schur_complement.hpp"
#include "tests/solvers/dense_reference.hpp"

namespace lift::test {

std::vector<double> normals(std::size_t count, std::uint64_t seed);
/// `count` values from `first` to `last`, each the same multiple of the one before.
std::vector<double> geometric(int count, double first, double last);

/// A whole instance of equation (6), the same on every rank: H22, the columns of H21, g and s.
struct Instance {
  DenseMatrix h22;
  std::vector<std::vector<double>> h21;
  std::vector<double> g, s;
};

Instance instance_of(std::vector<double> h22, std::vector<std::vector<double>> h21, std::vector<double> g,
                     std::vector<double> s);
Instance random_instance(const std::vector<double>& eigenvalues, std::size_t p, std::uint64_t seed);

struct Solution {
  StationaritySummary summary;
  std::vector<double> dw;  ///< whole
  std::vector<double> q;   ///< whole
  int products = 0;        ///< as the operator counted them
};

/// Solves with H12 = h12_factor · H21ᵀ, which is right for 1, and products rounded to float where
/// `single`. Collective on `comm`.
Solution solve(const Instance& instance, const StationarityOptions& options, const Communicator& comm,
               double h12_factor = 1, bool single = false);
Solution solve(const Instance& instance, const StationarityOptions& options = {});
/// The adjoint alone, likewise; nothing is written to dW.
Solution adjoint(const Instance& instance, const StationarityOptions& options, const Communicator& comm,
                 bool single = false);

/// The Schur complement, row i of H12 multiplied by h12_factors[i], or right where there are none. Collective
/// on `comm`; expects all products counted.
SchurSummary schur(const Instance& instance, const SchurOptions& options, const Communicator& comm,
                   const std::vector<double>& h12_factors = {});

StationarityOptions with_mu(double mu);

/// `solved`, with both residuals at most `residual`, a certificate that goes with them, descent, and all
/// products counted.
void expect_solved_to(const Solution& solution, double residual);
void expect_solved(const Solution& solution);

}  // namespace lift::test
