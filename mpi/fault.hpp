#pragma once
#include <array>
#include <string_view>

namespace lift {

/// Places of a run where one rank can be made to fail, in the order in which a run meets them.
inline constexpr std::array<std::string_view, 16> kFaultPoints = {
    "load",     "tokenizer", "tokens", "open",     "evaluation", "gradient", "step",    "checkpoint",
    "products", "corrector", "slope",  "implicit", "probe",      "row",      "program", "line-search"};

/// Throws Error(internal) naming the place if the environment variable LIFT_FAULT is "NAME:RANK" and this is
/// rank RANK of MPI_COMM_WORLD: how the tests find out that whatever fails on one rank alone ends all of
/// them.
///
/// Collective  not collective; call it where a failure of that place would be thrown.
/// Throws      also Error(internal) if `name` is not one of kFaultPoints and LIFT_FAULT is set.
/// Cost        a look into the environment.
/// Test        tests/jobs/test_faults.cpp
void fault_point(std::string_view name);

}  // namespace lift
