#include "src/report/metrics.hpp"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace lift {
MetricsWriter::MetricsWriter(const std::filesystem::path& file, double flush_interval, Clock clock)
    : file_(file),
      flush_interval_(flush_interval),
      clock_(clock ? std::move(clock) : steady_seconds),
      next_flush_(clock_() + flush_interval) {}

MetricsWriter::~MetricsWriter() {
  flush();
}

void MetricsWriter::write(const StepMetrics& step) {
  write_line({{"kind", "step"},
              {"step", step.step},
              {"epoch", step.epoch},
              {"train_loss", step.train_loss},
              {"gradient_norm", step.gradient_norm},
              {"learning_rate", step.learning_rate},
              {"tokens_per_second", step.tokens_per_second}});
}

void MetricsWriter::write(const EpochLosses& epoch) {
  write_line({{"kind", "epoch"},
              {"epoch", epoch.epoch},
              {"train_loss", epoch.train},
              {"train_ppl", std::exp(epoch.train)},
              {"valid_loss", epoch.valid},
              {"valid_ppl", std::exp(epoch.valid)},
              {"test_loss", epoch.test},
              {"test_ppl", std::exp(epoch.test)}});
}

void MetricsWriter::write(int round, const RoundResult& result) {
  for (const auto& [t, loss] : result.line_search) {
    write_line({{"kind", "line_search"},
                {"round", round},
                {"t", t},
                {"valid_loss", loss},
                {"valid_ppl", std::exp(loss)}});
  }
}

void MetricsWriter::write_line(const nlohmann::ordered_json& line) {
  buffer_ += line.dump();  // nlohmann writes NaN and infinities as null
  buffer_ += '\n';
  if (clock_() >= next_flush_) flush();
}

void MetricsWriter::flush() {
  file_.append(buffer_);
  buffer_.clear();
  next_flush_ = clock_() + flush_interval_;
}

std::int64_t MetricsWriter::synced_bytes() {
  flush();
  file_.sync();
  file_.check();
  return static_cast<std::int64_t>(std::filesystem::file_size(file_.path()));
}

void MetricsWriter::check() {
  flush();
  file_.check();
}

}  // namespace lift
