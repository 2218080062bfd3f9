#include <fmt/format.h>

#include "src/methods/method_stages.hpp"

namespace lift {

MethodSummary run_tpgm_once(const SearchState& state, const MethodOptions& options,
                            const SearchObserver& observer) {
  const double before = start_loss(state);
  BestIterate best(state, before);
  TpgmOptions once = options.tpgm;
  once.updates = static_cast<int>(plan_method(options, sizes_of(state)).steps);
  const auto on_update = [&](const TpgmProgress& progress) {
    report(observer, "tpgm-once", progress.done, progress.total);
  };
  const TpgmSummary learned = [&] {
    const auto scope = state.timers.measure("method");
    return tpgm_once(state, once, on_update);
  }();
  const double after = selection_loss(state);
  best.offer(after, "tpgm-once");
  if (observer.on_stage)
    observer.on_stage(
        {.name = "tpgm-once",
         .t = 1,
         .selection = after,
         .message = fmt::format("tpgm-once: {} updates of the radii; the selection loss from {:.6f} "
                                "to {:.6f}",
                                learned.counts.gradients, before, after)});
  best.restore();
  return {.kept = best.stage(), .radii = learned.radii};
}

}  // namespace lift
