#include "solvers/shard_algebra.hpp"

#include <cmath>

#include "mpi/collectives.hpp"

namespace lift {

double dot(std::span<const double> x, std::span<const double> y) {
  const double *a = x.data(), *b = y.data();
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t k = 0; k < x.size(); ++k) sum += a[k] * b[k];
  return sum;
}

double dot(std::span<const double> x, std::span<const double> y, const Communicator& comm) {
  return sum_over_ranks(dot(x, y), comm);
}

double norm2(std::span<const double> x, const Communicator& comm) {
  return std::sqrt(dot(x, x, comm));
}

void axpy(double alpha, std::span<const double> x, std::span<double> y) {
  const double* a = x.data();
  double* b = y.data();
  for (std::size_t k = 0; k < x.size(); ++k) b[k] += alpha * a[k];
}

void scale(double alpha, std::span<double> x) {
  for (double& entry : x) entry *= alpha;
}

void sum_vector_over_ranks(std::span<double> values, const Communicator& comm) {
  sum_over_ranks(host_buffer(values), comm);
}

std::vector<double> orthogonalise(std::span<double> w, const std::vector<std::vector<double>>& basis,
                                  const Communicator& comm) {
  std::vector<double> total(basis.size(), 0.0), parts(basis.size());
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < basis.size(); ++i) parts[i] = dot(basis[i], w);
    sum_vector_over_ranks(parts, comm);
    for (std::size_t i = 0; i < basis.size(); ++i) axpy(-parts[i], basis[i], w);
    axpy(1, parts, total);
  }
  return total;
}

}  // namespace lift
