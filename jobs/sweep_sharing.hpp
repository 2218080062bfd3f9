#pragma once
#include <array>
#include <string>
#include <string_view>

#include "jobs/run_plan.hpp"

namespace lift {

/// Beginnings of names of options, or whole names, that no warm-up depends on: they are of the search and
/// what comes after it, or say where things lie.
inline constexpr std::array<std::string_view, 16> kAfterWarmup = {
    "method",   "method.", "tpgm.",       "penalty.",  "ftp.",   "search.",
    "recover.", "lp.",     "curvature.",  "direction", "preset", "tune.learning-rate",
    "cache",    "out",     "checkpoint.", "save.dtype"};

/// Options, all by their whole names, that what a search makes before its first step does not depend on
/// beyond what the names of these results say (the weights, lambda and its scales, the sequences, the kind of
/// product).
inline constexpr std::array<std::string_view, 21> kAfterFirstResults = {"lp.radius",
                                                                        "lp.radius-unit",
                                                                        "lp.trust-region",
                                                                        "lp.method",
                                                                        "lp.relax",
                                                                        "lp.crossover",
                                                                        "lp.time-limit",
                                                                        "direction",
                                                                        "preset",
                                                                        "search.rounds",
                                                                        "search.min-gain",
                                                                        "search.line",
                                                                        "search.ratio",
                                                                        "search.steps",
                                                                        "search.max-step",
                                                                        "search.watch",
                                                                        "search.corrector-steps",
                                                                        "search.corrector-lr",
                                                                        "save.dtype",
                                                                        "cache",
                                                                        "out"};

/// Names of what a run may have in common with others: two runs whose names are equal come to the same bits
/// there.
struct SharedNames {
  std::string warmup;  ///< its warm-up, but for how many epochs it has under a constant schedule
  std::string memo;    ///< what its search makes before its first step
};

/// `surroundings`: what else the bits of both depend on: contents of the inputs, version, ranks, threads,
/// device.
///
/// Test  tests/jobs/test_sweep_sharing.cpp: every option of both lists, alone and shared
[[nodiscard]] SharedNames shared_names(const Options& options, const RunPlan& plan,
                                       const std::string& surroundings);

}  // namespace lift
