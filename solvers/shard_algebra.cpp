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

}  // namespace lift
