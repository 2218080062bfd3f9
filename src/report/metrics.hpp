#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "src/report/append_file.hpp"
#include "src/report/clock.hpp"
#include "src/report/run_result.hpp"

namespace lift {

/// One optimiser step, as a line of metrics.jsonl.
struct StepMetrics {
  std::int64_t step = 0;  ///< from 1
  double epoch = 0;       ///< fraction done
  double train_loss = 0;  ///< of the global batch, nats/token
  double gradient_norm = 0;
  double learning_rate = 0;
  double tokens_per_second = 0;
};

/// Appends to metrics.jsonl, one JSON object a line; numbers that are not finite are null.
///
/// Lines reach the file at least once every `flush_interval` seconds of writing, so that it can be followed
/// while the run goes on.
///
/// Collective  never; rank 0 only.
/// Throws      the constructor Error(write) naming the file. A line that cannot be written never throws, for
///             it is written in the midst of collective work: the first failure is kept for check().
/// Test        tests/src/report/test_metrics.cpp, with a full disk
class MetricsWriter {
 public:
  explicit MetricsWriter(const std::filesystem::path& file, double flush_interval = 1, Clock clock = {});
  ~MetricsWriter();
  MetricsWriter(const MetricsWriter&) = delete;
  MetricsWriter& operator=(const MetricsWriter&) = delete;

  void write(const StepMetrics& step);   ///< {"kind":"step",…}
  void write(const EpochLosses& epoch);  ///< {"kind":"epoch","epoch",…,"valid_loss","valid_ppl",…}
  /// {"kind":"line_search","round","t","valid_loss","valid_ppl"} for each t.
  void write(int round, const RoundResult& result);
  void write_line(const nlohmann::ordered_json& line);
  void flush();
  /// Bytes of the file once all lines are in it, for good. Throws as check().
  [[nodiscard]] std::int64_t synced_bytes();
  /// Flushes; throws Error(write) naming the file and the reason of the first failure.
  void check();

 private:
  AppendFile file_;
  std::string buffer_;  ///< lines not yet in the file
  double flush_interval_;
  Clock clock_;
  double next_flush_;
};

}  // namespace lift
