#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "jobs/job_context.hpp"
#include "jobs/run_plan.hpp"
#include "src/report/metrics.hpp"
#include "src/report/progress.hpp"
#include "src/report/provenance.hpp"
#include "src/report/run_folder.hpp"
#include "src/report/run_result.hpp"

namespace lift {

/// Everything that `lift run` leaves in its folder; only rank 0 touches the disk.
///
/// Collective  every member on context.comm but `progress` and what the observers call at each step; a write
///             that fails ends all ranks with AgreedError(write) at the next collective member.
/// Test        tests/jobs/test_run_job.cpp
class RunOutput {
 public:
  /// Only looks at the folder. Throws AgreedError(usage) if it holds something, or, to be resumed, something
  /// else than a run.
  RunOutput(JobContext& context, const RunPlan& plan);

  /// Whether the run that is to be resumed has come to its end.
  [[nodiscard]] bool done() const;
  /// Throws AgreedError(usage) naming the key if the folder's config.cfg is of a run with other numbers.
  void check_configuration() const;
  /// Reads the inputs; their digests by name, which a run that goes on must find again.
  [[nodiscard]] std::map<std::string, std::string> digest_inputs();
  /// Makes the folder with config.cfg and provenance.json, and opens log.txt and metrics.jsonl; of a run that
  /// goes on, metrics.jsonl is cut back to what it had at the checkpoint that left `section`.
  void open(const std::optional<Section>& section);
  /// What open() needs of it.
  void save(Section& section);
  /// Epochs go to metrics.jsonl and into `result`, steps to metrics.jsonl and the progress line.
  [[nodiscard]] WarmupObserver warmup_observer(RunResult& result);
  /// Progress, --search.keep, and the ray of an unbounded program.
  [[nodiscard]] SearchObserver search_observer(const TunedParameters& tuned);
  /// vectors.safetensors, where the report has a vector of negative curvature.
  void write_curvature_vector(const CurvatureReport& report, const TunedParameters& tuned);
  void add_round(int round, const RoundResult& result);
  /// Writes a model folder, `name` relative to the run's: "model", or a checkpoint.
  void write_model(const std::filesystem::path& name, const Gpt2& model, at::ScalarType type = at::kFloat);
  /// Writes the low-rank pairs of `model`, where the plan has some, as "adapter", which PEFT loads onto
  /// --model.
  void write_adapter(const Gpt2& model);
  /// result.json, the figures, the end of provenance.json, and the table for the reader.
  void close(const RunResult& result);

  [[nodiscard]] Progress& progress() noexcept { return progress_; }

 private:
  void keep_ray(const ProgramReport& program, std::span<const double> d);
  void add_step(const WarmupStep& step);
  void add_epoch(const WarmupEpoch& epoch, RunResult& result);
  void on_root(const std::function<void()>& action) const;

  JobContext& context_;
  const RunPlan& plan_;
  Progress progress_;
  ProgressStep warmup_;  ///< where the warm-up stands, shown on while an evaluation goes on
  std::optional<RunFolder> folder_;
  std::optional<MetricsWriter> metrics_;
  Provenance provenance_;
};

}  // namespace lift
