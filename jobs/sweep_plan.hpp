#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "jobs/corpus_inputs.hpp"
#include "jobs/job_context.hpp"
#include "jobs/run_cost.hpp"
#include "jobs/run_plan.hpp"
#include "jobs/sweep_file.hpp"
#include "mpi/error.hpp"

namespace lift {

/// One point of a sweep as it is planned.
struct SweepPoint {
  std::string name;
  std::optional<Options> options;  ///< nothing, as the plan, where they are invalid
  std::optional<RunPlan> plan;
  ExitCode code = ExitCode::done;  ///< of an invalid one
  std::string trouble;             ///< why it is invalid; "" for one that is not
  CorpusSize size;                 ///< sequences of its corpus
  std::string warmup;  ///< name of the warm-up that it has in common with others; "" where there are none
  std::string memo;    ///< of the first results that it has in common with others; "" where there are none
  [[nodiscard]] bool valid() const noexcept { return trouble.empty(); }
  [[nodiscard]] int epochs() const { return plan ? plan->warmup.epochs : 0; }
};

/// Every point of a sweep's file, checked as far as a run checks before it computes, and what they share.
///
/// Method   two warm-ups are one where all is equal that a warm-up depends on, but for its epochs under a
///          constant schedule: a longer one passes through the ends of the shorter ones (shared_names()).
struct SweepPlan {
  std::filesystem::path file;
  std::string text;                ///< of the file
  std::vector<SweepPoint> points;  ///< in the order of the file
  /// In which they are begun: warm-ups by their first point, within one by epochs; invalid ones last.
  std::vector<std::size_t> order;

  [[nodiscard]] std::int64_t invalid() const;
  /// Those of `point`'s warm-up, in `order`.
  [[nodiscard]] std::vector<std::size_t> members(const std::string& warmup) const;
};

/// Reads the file, and of every point's inputs as much as tells that they are right.
///
/// Collective  on context.comm. Throws AgreedError(input) if the file cannot be read, (usage) as read_sweep.
/// Cost        each model is read twice; corpora are loaded in the order of the points, the last two kept.
/// Test        tests/jobs/test_sweep_job.cpp
[[nodiscard]] SweepPlan plan_sweep(const std::filesystem::path& file, const std::filesystem::path& out,
                                   int ranks_each, JobContext& context);

/// What a dry run says of it: the schedule with its steps, hours and memory, on groups of `ranks_each`.
///
/// Test  tests/jobs/test_sweep_job.cpp
[[nodiscard]] std::string describe(const SweepPlan& plan, int groups, int ranks_each, at::Device device);

/// Seconds that each point takes alone and where it shares its warm-up, in the order of the points; 0 for
/// invalid ones.
struct PointSeconds {
  double alone = 0;
  double shared = 0;
  std::int64_t steps_alone = 0;   ///< of the warm-up
  std::int64_t steps_shared = 0;  ///< of them, those that no other point takes
};
[[nodiscard]] std::vector<PointSeconds> estimate_points(const SweepPlan& plan, int ranks_each,
                                                        const ComputeRates& rates);

}  // namespace lift
