#include "solvers/lanczos.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/shard_algebra.hpp"
#include "solvers/tridiagonal.hpp"

namespace lift {
namespace {

void check(std::span<const double> start, const ShardMap& layout, const Communicator& comm,
           const LanczosOptions& options) {
  agree(comm, [&] {
    if (const auto wrong = options.violation(); !wrong.empty())
      throw Error(ExitCode::internal, "Lanczos: " + wrong);
    if (layout.parts() != comm.size())
      throw Error(ExitCode::internal,
                  fmt::format("Lanczos: a layout of {} shards on {} ranks", layout.parts(), comm.size()));
    const auto expected = static_cast<std::size_t>(layout.size(comm.rank()));
    if (start.size() != expected)
      throw Error(
          ExitCode::internal,
          fmt::format("Lanczos: the shard of the start has {} entries, expected {}", start.size(), expected));
  });
}

/// Largest difference between what a symmetric H gives above the diagonal, β and zeros, and what was
/// found.
double asymmetry_of(std::span<const double> column, std::span<const double> beta) {
  double worst = 0;
  for (std::size_t i = 0; i + 1 < column.size(); ++i) {
    const double expected = i + 2 == column.size() ? beta[i] : 0;
    worst = std::max(worst, std::fabs(column[i] - expected));
  }
  return worst;
}

/// Grows the basis until it is complete, invariant or not finite.
LanczosStatus run(const SymmetricOperator& h, std::span<const double> start, const Communicator& comm,
                  const LanczosOptions& options, LanczosSummary& s) {
  std::vector<double> w(start.begin(), start.end());
  double length = norm2(w, comm), size = 0;
  if (!std::isfinite(length)) return LanczosStatus::not_finite;
  if (length == 0) return LanczosStatus::invariant;
  for (int j = 0; j < options.steps; ++j) {
    scale(1 / length, w);
    s.basis.push_back(w);
    h(s.basis.back(), w);
    ++s.products;
    if (options.on_vector) options.on_vector(j, s.basis.back(), w);
    const auto column = orthogonalise(w, s.basis, comm);
    length = norm2(w, comm);
    if (!std::isfinite(length) || !std::isfinite(column.back())) {
      s.basis.pop_back();
      return LanczosStatus::not_finite;
    }
    s.asymmetry = std::max(s.asymmetry, asymmetry_of(column, s.beta));
    s.alpha.push_back(column.back());
    s.beta.push_back(length);
    size = std::max(size, std::fabs(column.back()) + 2 * length);
    if (length <= options.invariant_tol * size) return LanczosStatus::invariant;
  }
  return LanczosStatus::complete;
}

void find_ritz_values(LanczosSummary& s) {
  const std::size_t k = s.alpha.size();
  auto eigen = symmetric_tridiagonal_eigen(s.alpha, s.beta);
  s.ritz_values = std::move(eigen.values);
  s.ritz_vectors = std::move(eigen.vectors);
  for (std::size_t i = 0; i < k; ++i)
    s.bounds.push_back(std::fabs(s.beta.back() * s.ritz_vectors[i * k + k - 1]));
  if (k > 0 && std::isnan(s.ritz_values.front())) s.status = LanczosStatus::not_finite;
}

std::string message_of(const LanczosSummary& s) {
  if (failed(s.status))
    return fmt::format("Lanczos failed after {} products on numbers that are not finite", s.products);
  if (s.alpha.empty()) return "Lanczos was started at 0, which spans nothing";
  return fmt::format(
             "Lanczos {} after {} products and {:.2f} s: Ritz values {:.6g} ± {:.1e} to {:.6g} ± {:.1e}, ",
             s.status == LanczosStatus::complete ? "ended" : "found an invariant subspace", s.products,
             s.seconds, s.ritz_values.front(), s.bounds.front(), s.ritz_values.back(), s.bounds.back()) +
         fmt::format("asymmetry {:.1e}", s.asymmetry);
}

}  // namespace

bool answered(LanczosStatus status) noexcept {
  return status != LanczosStatus::not_finite;
}
bool failed(LanczosStatus status) noexcept {
  return status == LanczosStatus::not_finite;
}

const char* to_string(LanczosStatus status) noexcept {
  switch (status) {
    case LanczosStatus::complete:
      return "complete";
    case LanczosStatus::invariant:
      return "invariant";
    case LanczosStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

std::string LanczosOptions::violation() const {
  if (steps < 1) return fmt::format("steps = {} violates steps >= 1", steps);
  if (!(invariant_tol >= 0))
    return fmt::format("invariant_tol = {} violates invariant_tol >= 0", invariant_tol);
  return "";
}

LanczosSummary lanczos(const SymmetricOperator& h, std::span<const double> start, const ShardMap& layout,
                       const Communicator& comm, const LanczosOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  check(start, layout, comm, options);
  LanczosSummary summary;
  summary.status = run(h, start, comm, options, summary);
  find_ritz_values(summary);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  summary.seconds = max_over_ranks(elapsed.count(), comm);
  summary.message = message_of(summary);
  return summary;
}

}  // namespace lift
