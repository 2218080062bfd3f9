#pragma once
#include <filesystem>
#include <vector>

#include "jobs/run_plan.hpp"
#include "mpi/communicator.hpp"
#include "src/model/gpt2.hpp"
#include "src/objective/objective.hpp"
#include "src/objective/regularizer.hpp"
#include "src/search/search_state.hpp"

namespace lift {

/// The model of --model with what is tuned of it, its regulariser and λ, as a plan has them.
///
/// Ownership   keeps a reference to the plan; neither copied nor moved: its members refer to each other.
/// Test        tests/jobs/test_run_job.cpp, test_run_options_data.cpp (--start)
class TunedModel {
 public:
  TunedModel(const RunPlan& plan, Gpt2 loaded);
  TunedModel(const TunedModel&) = delete;
  TunedModel& operator=(const TunedModel&) = delete;

  /// Puts W where --start says, if anywhere; --model stays what the pretrained weights are. Collective on
  /// `comm`. Throws AgreedError(usage) if a tensor that is not tuned has other values than --model's.
  void start_from_plan(at::Device device, const Communicator& comm);

  /// The λ that a search begins with: --search.lambda, or, around the pretrained weights, that which balances
  /// the loss; else as it is. Collective on state.comm, whose λ this is.
  void set_search_lambda(const SearchState& state);

  Gpt2 model;
  TunedParameters tuned;
  Objective objective;
  at::Tensor pretrained;  ///< W of --model, (A, 0) of low-rank pairs, where anything refers to it
  Regularizer regularizer;
  std::vector<double> lambda;  ///< [p]

 private:
  void copy_or_compare(const std::string& name, const Gpt2& start);

  const RunPlan& plan_;
};

}  // namespace lift
