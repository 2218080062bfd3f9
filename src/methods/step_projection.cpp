#include "src/methods/step_projection.hpp"

#include <optional>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/error.hpp"

namespace lift {

void check_pretrained(const SearchState& state) {
  if (!state.pretrained.defined() || state.pretrained.numel() != state.objective.tuned().n())
    throw AgreedError(ExitCode::usage,
                      "a radial projection needs the pretrained values of all tuned weights");
}

RadialProjection projection_of(const SearchState& state, RadialNorm norm,
                               const std::vector<std::string>& excluded) {
  check_pretrained(state);
  std::optional<RadialProjection> projection;
  agree(state.comm, [&] { projection.emplace(state.objective.tuned().layout().tensors(), norm, excluded); });
  return *std::move(projection);
}

}  // namespace lift
