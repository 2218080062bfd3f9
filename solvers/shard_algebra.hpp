#pragma once
#include <span>
#include <vector>

#include "mpi/communicator.hpp"

namespace lift {

/// Vector algebra on shards of equal length: own loops, float64, sums over ranks in rank order.
///
/// Collective  what takes a communicator, on it; the rest is local.
/// Test        tests/solvers/test_lanczos.cpp
double dot(std::span<const double> x, std::span<const double> y);
double dot(std::span<const double> x, std::span<const double> y, const Communicator& comm);
double norm2(std::span<const double> x, const Communicator& comm);
/// y ← y + alpha x.
void axpy(double alpha, std::span<const double> x, std::span<double> y);
void scale(double alpha, std::span<double> x);
/// Element-wise sum over ranks, in place.
void sum_vector_over_ranks(std::span<double> values, const Communicator& comm);

/// w ← w − V Vᵀw by classical Gram–Schmidt, twice; the coefficients Vᵀw taken off, summed over both.
std::vector<double> orthogonalise(std::span<double> w, const std::vector<std::vector<double>>& basis,
                                  const Communicator& comm);

}  // namespace lift
