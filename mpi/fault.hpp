#pragma once
#include <array>
#include <string_view>

namespace lift {

/// Places of a run where one rank can be made to fail, in the order in which a run meets them.
inline constexpr std::array<std::string_view, 21> kFaultPoints = {
    "load", "tokenizer",  "tokens",   "start",       "open",  "evaluation", "gradient",
    "step", "checkpoint", "products", "corrector",   "slope", "implicit",   "probe",
    "row",  "program",    "instance", "line-search", "model", "result",     "answer"};

/// Throws Error(CODE) naming the place if the environment variable LIFT_FAULT is "NAME:RANK:CODE" and this is
/// rank RANK of MPI_COMM_WORLD, and says on stderr when: how the tests find out that whatever fails on one
/// rank alone ends all of them, with its code and soon.
///
/// Collective  not collective; call it where a failure of that place would be thrown.
/// Throws      also Error(internal) if LIFT_FAULT is set and `name` is not one of kFaultPoints, or CODE is no
///             exit code.
/// Cost        a look into the environment.
/// Test        tests/jobs/test_faults.cpp
void fault_point(std::string_view name);

}  // namespace lift
