#include "src/search/search_state.hpp"

#include <fmt/format.h>

namespace lift {

std::string SearchOptions::violation() const {
  if (probes < 1) return fmt::format("probes = {} violates probes ≥ 1", probes);
  if (batches < 0) return fmt::format("batches = {} violates batches ≥ 0", batches);
  if (hvp_batches < 1) return fmt::format("hvp_batches = {} violates hvp_batches ≥ 1", hvp_batches);
  if (batch < 1) return fmt::format("batch = {} violates batch ≥ 1", batch);
  if (rounds < 1) return fmt::format("rounds = {} violates rounds ≥ 1", rounds);
  for (auto violation : {radius.violation(), lp.violation(), line.violation()}) {
    if (!violation.empty()) return violation;
  }
  return "";
}

void report(const SearchObserver& observer, const char* phase, std::int64_t done, std::int64_t total) {
  if (observer.on_progress) observer.on_progress(phase, done, total);
}

}  // namespace lift
