#include "solvers/spectral_density.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
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

/// Entries of T.
struct Tridiagonal {
  std::vector<double> alpha, beta;
};

/// Plain three-term recurrence until the steps are taken, or the space is invariant.
LanczosStatus run(const SymmetricOperator& h, std::span<const double> start, int steps,
                  const Communicator& comm, Tridiagonal& t, int& products) {
  std::vector<double> v(start.begin(), start.end()), before(v.size(), 0.0), next(v.size());
  double length = norm2(v, comm), size = 0;
  if (!std::isfinite(length)) return LanczosStatus::not_finite;
  if (length == 0) return LanczosStatus::invariant;
  scale(1 / length, v);
  while (products < steps) {
    h(v, next);
    ++products;
    t.alpha.push_back(dot(v, next, comm));
    axpy(-t.alpha.back(), v, next);
    if (!t.beta.empty()) axpy(-t.beta.back(), before, next);
    length = norm2(next, comm);
    if (!std::isfinite(length) || !std::isfinite(t.alpha.back())) return LanczosStatus::not_finite;
    size = std::max(size, std::fabs(t.alpha.back()) + 2 * length);
    if (length <= kInvariant * size) return LanczosStatus::invariant;
    t.beta.push_back(length);
    before.swap(v);
    v.swap(next);
    scale(1 / length, v);
  }
  return LanczosStatus::complete;
}

void find_nodes(const Tridiagonal& t, SpectralQuadrature& found) {
  if (failed(found.status)) return;
  const auto eigen = symmetric_tridiagonal_eigen(t.alpha, t.beta);
  if (!eigen.values.empty() && std::isnan(eigen.values.front())) {
    found.status = LanczosStatus::not_finite;
    return;
  }
  found.nodes = eigen.values;
  for (std::size_t i = 0; i < found.nodes.size(); ++i) {
    const double first = eigen.vectors[i * found.nodes.size()];
    found.weights.push_back(first * first);
  }
}

std::string message_of(const SpectralQuadrature& q) {
  if (failed(q.status))
    return fmt::format("the spectral density failed after {} products on numbers that are not finite",
                       q.products);
  if (q.nodes.empty()) return "the spectral density was started at 0, which sees nothing";
  return fmt::format("spectral density: {} nodes from {:.6g} to {:.6g} after {} products and {:.2f} s",
                     q.nodes.size(), q.nodes.front(), q.nodes.back(), q.products, q.seconds);
}

}  // namespace

SpectralQuadrature spectral_quadrature(const SymmetricOperator& h, std::span<const double> start, int steps,
                                       const ShardMap& layout, const Communicator& comm) {
  const auto started = std::chrono::steady_clock::now();
  check(start, steps, layout, comm);
  SpectralQuadrature found;
  Tridiagonal t;
  found.status = run(h, start, steps, comm, t, found.products);
  find_nodes(t, found);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  found.seconds = max_over_ranks(elapsed.count(), comm);
  found.message = message_of(found);
  return found;
}

double spectral_density(std::span<const SpectralQuadrature> quadratures, double width, double x) {
  if (!(width > 0))
    throw Error(ExitCode::internal, fmt::format("spectral density: width = {} violates width > 0", width));
  double sum = 0;
  int counted = 0;
  for (const auto& quadrature : quadratures) {
    counted += quadrature.nodes.empty() ? 0 : 1;
    for (std::size_t i = 0; i < quadrature.nodes.size(); ++i) {
      const double away = (x - quadrature.nodes[i]) / width;
      sum += quadrature.weights[i] * std::exp(-0.5 * away * away);
    }
  }
  return counted == 0 ? 0 : sum / (counted * width * std::sqrt(2 * std::numbers::pi));
}

}  // namespace lift
