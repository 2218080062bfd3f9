#pragma once
#include <filesystem>
#include <string>

#include "src/report/kept_run.hpp"

namespace lift::testing {

/// The options of the paper's run of 35 epochs, as its config.cfg.
[[nodiscard]] std::string paper_config(int epochs = 35, int seed = 0);

/// A run's folder with result.json, config.cfg, provenance.json and metrics.jsonl.
void put_run(const std::filesystem::path& folder, const RunResult& result, const std::string& config);

/// The same run as read back from a folder, without one.
[[nodiscard]] KeptRun kept(const std::string& name, const RunResult& result, const RunOptions& options);

/// paper_run() with W0 and what the search made of it as given, each as perplexity of train, valid and test.
struct Perplexities {
  double train, valid, test;
};
[[nodiscard]] RunResult paper_row(int epochs, const Perplexities& before, const Perplexities& after,
                                  int seed = 0);

}  // namespace lift::testing
