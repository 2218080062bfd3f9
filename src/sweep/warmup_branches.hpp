#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "src/resume/resume_point.hpp"

namespace lift {

/// States of one warm-up at the ends of its epochs, from which runs go on that have it in common: a run of 15
/// epochs from where one of 10 ended, under a constant schedule as if it had taken these 10 itself.
///
///   epoch-10/state/         the resume point, written last
///   epoch-10/metrics.jsonl  that of the run up to there
///   epoch-10/kept/          the models that it kept on the way (--warmup.keep)
///
/// Collective  never: rank 0 of those that work together has one.
/// Test        tests/src/sweep/test_warmup_branches.cpp
class WarmupBranches {
 public:
  explicit WarmupBranches(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Keeps `point`, of the run in `run` after `epoch`, unless it is kept already. Throws Error(write).
  void publish(int epoch, ResumePoint point, const std::filesystem::path& run) const;
  [[nodiscard]] bool has(int epoch) const;
  /// Removes one that turned out not to be whole.
  void drop(int epoch) const;
  /// The latest that a warm-up of so many epochs can go on from.
  [[nodiscard]] std::optional<int> nearest(int epochs) const;

  /// Makes `run`, which has no checkpoint, a run that was left after `epoch`: one of `identity`, the options
  /// that must not change by name with dashes; digests of inputs stay those of the branch.
  /// Returns where that is, for a reader. Throws Error(write), Error(input) for a branch that is not whole.
  std::string seed(int epoch, const std::filesystem::path& run,
                   const std::map<std::string, std::string>& identity) const;

 private:
  [[nodiscard]] std::filesystem::path at(int epoch) const;
  std::filesystem::path folder_;
};

}  // namespace lift
