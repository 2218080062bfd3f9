#pragma once
#include <array>
#include <string_view>

namespace lift {

/// Places of a run where one rank can be made to fail, in the order in which a run meets them; from
/// "resume-state" on those of checkpoints, which it meets again and again.
inline constexpr std::array<std::string_view, 26> kFaultPoints = {
    "load",   "tokenizer",    "tokens",      "start",       "open",  "evaluation", "gradient",
    "step",   "checkpoint",   "products",    "corrector",   "slope", "implicit",   "probe",
    "row",    "program",      "instance",    "line-search", "model", "result",     "done",
    "answer", "resume-state", "resume-done", "resume-old",  "memo"};

/// Does what the environment variable LIFT_FAULT asks for, which is "NAME:RANK:WHAT", if this is place NAME
/// and rank RANK of MPI_COMM_WORLD, and says on stderr when: how the tests find out that whatever fails on
/// one rank alone ends all of them, with its code and soon, and that a run can be left anywhere.
///
/// WHAT  an exit code: throws Error(code) naming the place. KILL, TERM, USR1 or USR2: the process gets that
///       signal. "WHAT@K": at the K-th visit of the place alone, from 1.
///
/// Collective  not collective; call it where a failure of that place would be thrown.
/// Throws      also Error(internal) if LIFT_FAULT is set and `name` is not one of kFaultPoints, or WHAT is
///             neither.
/// Cost        a look into the environment.
/// Test        tests/jobs/test_faults.cpp, test_killed.cpp
void fault_point(std::string_view name);

}  // namespace lift
