#include "src/search/search_state.hpp"

#include <fmt/format.h>

namespace lift {

int SearchOptions::rows() const noexcept {
  if (direction != DirectionKind::lp) return 0;
  return probe_kind == ProbeKind::adjoint ? 1 : probes;
}

std::string SearchOptions::violation() const {
  if (probes < 1) return fmt::format("probes = {} violates probes ≥ 1", probes);
  if (batches < 0) return fmt::format("batches = {} violates batches ≥ 0", batches);
  if (hvp_batches < 1) return fmt::format("hvp_batches = {} violates hvp_batches ≥ 1", hvp_batches);
  if (batch < 1) return fmt::format("batch = {} violates batch ≥ 1", batch);
  if (rounds < 0) return fmt::format("rounds = {} violates rounds ≥ 0", rounds);
  if (damping && !(*damping >= 0)) return fmt::format("damping = {} violates damping ≥ 0", *damping);
  if (!(solve_tol > 0)) return fmt::format("solve_tol = {} violates solve_tol > 0", solve_tol);
  if (max_products < 1) return fmt::format("max_products = {} violates max_products ≥ 1", max_products);
  if (!(products.step >= 0))
    return fmt::format("products.step = {} violates products.step ≥ 0", products.step);
  if (!(relax >= 0)) return fmt::format("relax = {} violates relax ≥ 0", relax);
  if (!(min_gain >= 0)) return fmt::format("min_gain = {} violates min_gain ≥ 0", min_gain);
  if (!(recovery.overshoot >= 1))
    return fmt::format("overshoot = {} violates overshoot ≥ 1", recovery.overshoot);
  for (auto violation : {radius.violation(), lp.violation(), line.violation(), recovery.corrector.violation(),
                         corrector.violation()}) {
    if (!violation.empty()) return violation;
  }
  return "";
}

void report(const SearchObserver& observer, const char* phase, std::int64_t done, std::int64_t total) {
  if (observer.on_progress) observer.on_progress(phase, done, total);
}

}  // namespace lift
