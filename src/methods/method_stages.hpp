#pragma once
#include "src/methods/method.hpp"
#include "src/search/recovery.hpp"

namespace lift {

/// The families of run_method(), whose contract they share.
MethodSummary run_trainings(const SearchState& state, const MethodOptions& options,
                            const SearchObserver& observer);
MethodSummary run_wise(const SearchState& state, const MethodOptions& options,
                       const SearchObserver& observer);
MethodSummary run_wise_tensors(const SearchState& state, const MethodOptions& options,
                               const SearchObserver& observer);
MethodSummary run_tpgm_once(const SearchState& state, const MethodOptions& options,
                            const SearchObserver& observer);
MethodSummary run_penalty(const SearchState& state, const MethodOptions& options,
                          const SearchObserver& observer);

/// One training of run_trainings.
struct PlannedTraining {
  std::string name;
  std::optional<double> lambda = {};  ///< of every group; without it as it is
};
/// In the order in which they are made: a pure function of the options.
[[nodiscard]] std::vector<PlannedTraining> planned_trainings(const MethodOptions& options);

[[nodiscard]] MethodSizes sizes_of(const SearchState& state);

}  // namespace lift
