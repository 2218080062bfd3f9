#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "src/objective/objective.hpp"
#include "src/resume/checkpoints.hpp"

namespace lift {

/// What a computation gives: a few numbers, a vector, or both; the same on every rank.
struct Made {
  std::vector<double> numbers;
  at::Tensor tensor = {};  ///< [n]; may be undefined
};

/// Runs `make`, unless it was run before the run was left: then its result is taken, and its work counted.
///
/// Before it is run the run may stop (Checkpoints::poll). Without checkpoints `make` is run, and no more.
/// In           label and inputs name all that the result depends on.
/// Collective  on checkpoints->comm(), as `make` is.
/// Throws      what make throws; AgreedError(stopped).
/// Test        tests/src/resume/test_checkpoints.cpp
Made made_once(Checkpoints* checkpoints, const std::string& label, const std::vector<at::Tensor>& inputs,
               const Objective& objective, const std::function<Made()>& make);

/// The work of each rank between two counts, four numbers each, as a memo keeps them. Collective.
std::vector<double> work_of_ranks(const WorkCount& before, const WorkCount& after, const Communicator& comm);
/// Counts on this rank its part of such work: that of other numbers of ranks on rank 0.
void count_work(const Objective& objective, const std::vector<double>& work, const Communicator& comm);

}  // namespace lift
