#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/report/run_result.hpp"

namespace lift {

/// Options of a run by name, as its config.cfg holds them.
using RunOptions = std::map<std::string, std::string>;

/// What early stopping gives on the way to W0, and how far that way was.
struct WarmupSeen {
  std::optional<int> epochs;           ///< N_WE; nothing where the run began elsewhere
  std::optional<EarlyStopping> early;  ///< nothing where there was no epoch to stop at
};

/// What the folder of a run holds, read back. Only result.json must be there.
struct KeptRun {
  std::filesystem::path folder;
  std::string name;  ///< last parts of the folder's path, as many as tell the runs of a report apart
  RunResult result;
  std::vector<PhaseSpan> timeline;      ///< `timeline` of result.json; empty where it holds none
  std::optional<RunOptions> options;    ///< config.cfg
  nlohmann::json provenance;            ///< provenance.json; null where it is absent
  std::vector<nlohmann::json> metrics;  ///< lines of metrics.jsonl
  WarmupSeen warmup;
};

/// NaN where the split was not evaluated.
[[nodiscard]] double perplexity_of(const std::optional<SplitLoss>& split);
/// A split of early stopping on the way to W0; nothing where that is not known.
[[nodiscard]] std::optional<SplitLoss> early_stopping_of(const KeptRun& run,
                                                         std::optional<SplitLoss> EarlyStopping::*split);

/// Reads the folder of one run; `name` is the folder's own.
///
/// In         metrics.jsonl is read to its last whole line: a run may have been cut off in the midst of one.
/// Throws     Error(input) naming folder or file, and the key, where something is missing or broken.
/// Test       tests/src/report/test_kept_run.cpp
[[nodiscard]] KeptRun read_kept_run(const std::filesystem::path& folder);

/// Reads several and names them apart. A run that was started from a checkpoint of another one of them
/// (`start` = …/NAME/checkpoints/epoch-K or best) takes its warm-up from there, if both were evaluated on as
/// many sequences: N_WE and early stopping among the first K epochs.
/// Throws Error(usage) if two are the same folder; else as read_kept_run.
[[nodiscard]] std::vector<KeptRun> read_kept_runs(std::span<const std::filesystem::path> folders);

}  // namespace lift
