#include "src/search/local_model.hpp"

#include <algorithm>

#include "src/search/probe_rows.hpp"
#include "src/search/sharded.hpp"

namespace lift {

namespace {

/// This rank's shard of (0_p, w).
std::vector<double> shard_behind_zeros(const at::Tensor& w, int p, const ShardMap& layout, int rank) {
  std::vector<double> shard(static_cast<std::size_t>(layout.size(rank)), 0.0);
  const std::int64_t first = std::max<std::int64_t>(layout.begin(rank) - p, 0);
  const std::int64_t last = std::max(layout.end(rank) - p, first);
  std::ranges::copy(to_host(w, first, last), shard.end() - (last - first));
  return shard;
}

}  // namespace

LocalModel build_local_model(const SearchState& state, const SearchOptions& options, int round,
                             const SearchObserver& observer) {
  const Round choices = choose_round(state, options, round);
  const int rows = options.rows();
  LocalModel model{ProbeMatrix(choices.p() + choices.tuned().n(), rows, state.comm), {}, {}, {}};
  const int rank = state.comm.rank();
  model.slope = validation_slope(choices, observer);
  model.g = shard_behind_zeros(model.slope.gradient, choices.p(), model.a.layout(), rank);
  model.u = program_bounds(choices.tuned(), state.lambda, options.radius, options.trust_region,
                           model.a.layout(), rank);
  report(observer, "probes", 0, rows);
  const auto scope = state.timers.measure("probes");
  switch (options.probe_kind) {
    case ProbeKind::random:
      add_random_rows(choices, observer, model);
      break;
    case ProbeKind::krylov:
      add_krylov_rows(choices, observer, model);
      break;
    case ProbeKind::adjoint:
      add_adjoint_row(choices, observer, model);
      break;
  }
  if (!options.hypergradient) model.slope.training_gradient.reset();
  return model;
}

}  // namespace lift
