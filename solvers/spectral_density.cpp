#include "solvers/spectral_density.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mpi/agreement.hpp"
#include "solvers/shard_algebra.hpp"
#include "solvers/tridiagonal.hpp"

namespace lift {
namespace {

constexpr double kInvariant = 1e-12;  ///< of the largest entry so far, a residual that counts as 0

void check(std::span<const double> start, int steps, const ShardMap& layout, const Communicator& comm) {
  agree(comm, [&] {
    if (steps < 1)
      throw Error(ExitCode::internal, fmt::format("spectral density: steps = {} violates steps >= 1", steps));
    if (layout.parts() != comm.size() || std::ssize(start) != layout.size(comm.rank()))
      throw Error(ExitCode::internal,
                  fmt::format("spectral density: a start of {} entries, a layout of {} shards on {} ranks",
                              start.size(), layout.parts(), comm.size()));
  });
}

}  // namespace

SpectralQuadrature spectral_quadrature(const SymmetricOperator& h, std::span<const double> start, int steps,
                                       const ShardMap& layout, const Communicator& comm) {
  check(start, steps, layout, comm);
  SpectralQuadrature found;
  std::vector<double> v(start.begin(), start.end()), before(v.size(), 0.0), next(v.size());
  double length = norm2(v, comm), size = 0;
  if (length == 0) return found;
  scale(1 / length, v);
  std::vector<double> alpha, beta;
  while (found.products < steps) {
    h(v, next);
    ++found.products;
    alpha.push_back(dot(v, next, comm));
    axpy(-alpha.back(), v, next);
    if (!beta.empty()) axpy(-beta.back(), before, next);
    length = norm2(next, comm);
    size = std::max(size, std::fabs(alpha.back()) + 2 * length);
    if (!(length > kInvariant * size)) break;
    beta.push_back(length);
    before.swap(v);
    v.swap(next);
    scale(1 / length, v);
  }
  const auto eigen = symmetric_tridiagonal_eigen(alpha, beta);
  found.nodes = eigen.values;
  for (std::size_t i = 0; i < alpha.size(); ++i) {
    const double first = eigen.vectors[i * alpha.size()];
    found.weights.push_back(first * first);
  }
  return found;
}

double spectral_density(std::span<const SpectralQuadrature> quadratures, double width, double x) {
  double sum = 0;
  for (const auto& quadrature : quadratures) {
    for (std::size_t i = 0; i < quadrature.nodes.size(); ++i) {
      const double away = (x - quadrature.nodes[i]) / width;
      sum += quadrature.weights[i] * std::exp(-0.5 * away * away);
    }
  }
  return sum / (static_cast<double>(quadratures.size()) * width * std::sqrt(2 * std::numbers::pi));
}

}  // namespace lift
