#include "solvers/definiteness.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "mpi/agreement.hpp"

namespace lift {
namespace {

Verdict verdict_of(const EigenSummary& least, double noise) {
  if (failed(least.status)) return Verdict::undecided;
  if (least.value < -noise) return Verdict::fails;
  const bool bounded = least.lower_bound > noise;
  const bool apart = answered(least.status) && least.value - least.residual > noise;
  if (least.value <= noise || !(apart || bounded)) return Verdict::undecided;
  return least.whole_spectrum && bounded ? Verdict::holds : Verdict::not_refuted;
}

std::string message_of(const Definiteness& found, double noise, double failure) {
  const EigenSummary& least = found.least;
  switch (found.verdict) {
    case Verdict::fails:
      return fmt::format("positive definiteness fails: curvature {:.6g} along a unit vector, noise {:.1e}",
                         least.value, noise);
    case Verdict::holds:
      return fmt::format("positive definiteness holds: no eigenvalue below {:.6g}", least.lower_bound);
    case Verdict::not_refuted:
      return fmt::format(
          "positive definiteness is not refuted: least eigenvalue met {:.6g}, {}", least.value,
          std::isfinite(least.lower_bound)
              ? fmt::format("none is below {:.6g}, or 1 in {:.3g}", least.lower_bound, 1 / failure)
              : "too few steps to bound the others");
    case Verdict::undecided:
      break;
  }
  return fmt::format("positive definiteness is undecided, noise {:.1e}: {}", noise, least.message);
}

}  // namespace

const char* to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::holds:
      return "holds";
    case Verdict::not_refuted:
      return "not_refuted";
    case Verdict::undecided:
      return "undecided";
    case Verdict::fails:
      return "fails";
  }
  return "unknown";
}

Definiteness check_definite(const SymmetricOperator& h, std::span<const double> start, const ShardMap& layout,
                            const Communicator& comm, double noise, const EigenOptions& options) {
  agree(comm, [&] {
    if (!(noise >= 0) || !std::isfinite(noise))
      throw Error(ExitCode::internal, fmt::format("definiteness: noise = {} violates 0 <= noise", noise));
  });
  return judge_definite(least_eigenvalue(h, start, layout, comm, options), noise, options.failure);
}

Definiteness judge_definite(EigenSummary least, double noise, double failure) {
  Definiteness found;
  found.verdict = verdict_of(least, noise);
  found.inertia = inertia_bound(least, noise);
  found.least = std::move(least);
  found.noise = noise;
  found.message = message_of(found, noise, failure);
  return found;
}

}  // namespace lift
