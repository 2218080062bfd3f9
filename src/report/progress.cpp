#include "src/report/progress.hpp"

#include <fmt/format.h>

#include "src/report/format.hpp"

namespace lift {
namespace {

std::string count_of(const ProgressStep& step) {
  if (step.steps <= 0) return fmt::format("step {}", format_count(step.step));
  return fmt::format("step {} of {} ({:.0f} %)", format_count(step.step), format_count(step.steps),
                     100.0 * static_cast<double>(step.step) / static_cast<double>(step.steps));
}

std::string steps_done(const ProgressStep& step) {
  const std::string of = step.step < step.steps ? fmt::format(" of {}", format_count(step.steps)) : "";
  const bool one = step.step == 1 && of.empty();
  return fmt::format("{}{} {}", format_count(step.step), of, one ? "step" : "steps");
}

}  // namespace

Progress::Progress(Log& log, ProgressOptions options) : log_(&log), options_(std::move(options)) {
  if (!options_.clock) options_.clock = steady_seconds;
}

Progress::~Progress() {
  if (log_->is_root()) log_->console().clear_status();
}

void Progress::update(const std::string& phase, const ProgressStep& step) {
  if (!log_->is_root()) return;
  const double now = options_.clock();
  if (phase != phase_) {
    finish();
    begin(phase, step, now);
  }
  last_ = step;
  const bool terminal = log_->console().is_terminal();
  if (terminal && now >= next_redraw_) {
    log_->console().show_status(line(now));
    next_redraw_ = now + options_.redraw;
  }
  if (now >= next_line_) {
    terminal ? log_->detail(line(now)) : log_->info(line(now));
    next_line_ = now + options_.interval;
  }
}

void Progress::update(const std::string& phase, std::int64_t step, std::int64_t steps) {
  update(phase, {.step = step, .steps = steps});
}

void Progress::finish(const std::string& note) {
  if (phase_.empty()) return;
  const std::string time = format_duration(options_.clock() - began_);
  std::string summary = last_.step > 0 ? fmt::format("{}: {} in {}", phase_, steps_done(last_), time)
                                       : fmt::format("{}: {}", phase_, time);
  if (last_.loss) summary += fmt::format(", loss {:.4f}", *last_.loss);
  if (!note.empty()) summary += ", " + note;
  phase_.clear();
  log_->console().clear_status();
  log_->info(summary);
}

void Progress::begin(const std::string& phase, const ProgressStep& step, double now) {
  phase_ = phase;
  first_step_ = step.step;
  began_ = now;
  next_line_ = now + options_.interval;
  next_redraw_ = now;
}

std::string Progress::line(double now) const {
  std::string text = fmt::format("{}: {}", phase_, count_of(last_));
  if (last_.loss) text += fmt::format(", loss {:.4f}", *last_.loss);
  if (last_.tokens_per_second) {
    text += fmt::format(", {} tokens/s", format_count(static_cast<std::int64_t>(*last_.tokens_per_second)));
  }
  if (!last_.note.empty()) text += ", " + last_.note;
  std::optional<double> left = last_.seconds_left;
  const std::int64_t done = last_.step - first_step_;
  if (!left && done > 0 && last_.steps > 0) {
    left = (now - began_) / static_cast<double>(done) * static_cast<double>(last_.steps - last_.step);
  }
  if (left && last_.step != last_.steps) text += fmt::format(", {} left", format_duration(*left));
  return text;
}

}  // namespace lift
