#pragma once
#include <optional>

#include "mpi/communicator.hpp"
#include "src/resume/resume_point.hpp"
#include "src/resume/work_memo.hpp"

namespace lift {

/// Rank 0's sections of a resume point, on every rank; its other members stay as they are.
///
/// Collective  on `comm`. Cost: the tensors of it in the memory of each rank, one broadcast of each.
/// Test        tests/src/resume/test_checkpoints.cpp (1, 2, 4 ranks)
void broadcast(ResumePoint& point, const Communicator& comm);

/// Rank 0's entry, or that there is none, on every rank; its tensor as a vector on the CPU. Collective.
void broadcast(std::optional<MemoEntry>& entry, const Communicator& comm);

}  // namespace lift
