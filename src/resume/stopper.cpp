#include "src/resume/stopper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/stop_signals.hpp"

namespace lift {
namespace {

constexpr double kMargin = 2;          ///< [s] to leave the program
constexpr std::int64_t kSave = 1;      ///< what ranks agree on by its maximum
constexpr std::int64_t kTimeIsUp = 2;  ///< a signal counts kSignal + its number
constexpr std::int64_t kSignal = 1000;

std::optional<double> parsed(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// Slurm's "DAYS-HOURS:MINUTES:SECONDS", of which the first parts may be missing.
std::optional<double> seconds_of(std::string_view text) {
  double days = 0;
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    const auto value = parsed(text.substr(0, dash));
    if (!value) return std::nullopt;
    days = *value;
    text.remove_prefix(dash + 1);
  }
  double seconds = 0;
  while (true) {
    const auto colon = text.find(':');
    const auto value = parsed(text.substr(0, colon));
    if (!value) return std::nullopt;
    seconds = 60 * seconds + *value;
    if (colon == std::string_view::npos) return 86400 * days + seconds;
    text.remove_prefix(colon + 1);
  }
}

/// The first line that a command prints, without blanks; "" if there is none.
std::string first_line_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::array<char, 256> line{};
  if (!pipe || std::fgets(line.data(), static_cast<int>(line.size()), pipe.get()) == nullptr) return "";
  std::string text = line.data();
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<double> slurm_seconds_left() {
  if (const char* end = std::getenv("SLURM_JOB_END_TIME")) {
    const auto seconds = parsed(end);
    const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
    if (seconds) return std::max(0.0, *seconds - now.count());
  }
  const char* job = std::getenv("SLURM_JOB_ID");
  if (job == nullptr || !is_number(job)) return std::nullopt;
  return seconds_of(first_line_of(fmt::format("squeue -h -j {} -O TimeLeft:64 2>/dev/null", job)));
}

Stopper::Stopper(StopperOptions options)
    : options_(std::move(options)), began_(0), last_ask_(0), last_save_(0) {
  if (!options_.clock) options_.clock = steady_seconds;
  began_ = last_ask_ = last_save_ = options_.clock();
}

bool Stopper::time_is_up(double now) const {
  if (!options_.seconds_left) return false;
  const double left = began_ + *options_.seconds_left - now;
  return left < longest_gap_ + 2 * longest_save_ + kMargin;
}

Ask Stopper::ask(const Communicator& comm) {
  const double now = options_.clock();
  longest_gap_ = std::max(longest_gap_, now - last_ask_);
  last_ask_ = now;
  std::int64_t wish = 0;
  if (comm.is_root()) {
    if (options_.save_interval > 0 && now - last_save_ >= options_.save_interval) wish = kSave;
    if (asked_ && time_is_up(now)) wish = kTimeIsUp;
  }
  asked_ = true;
  if (const int signal = options_.signal ? options_.signal() : 0; signal != 0) wish = kSignal + signal;
  wish = max_over_ranks(wish, comm);
  if (wish >= kSignal) {
    reason_ = fmt::format("signal {}", signal_name(static_cast<int>(wish - kSignal)));
  } else if (wish == kTimeIsUp) {
    reason_ = fmt::format("{} is nearly over", options_.limit);
  }
  return wish == 0 ? Ask::go_on : wish == kSave ? Ask::save : Ask::stop;
}

void Stopper::saved(double seconds) {
  longest_save_ = std::max(longest_save_, seconds);
  last_ask_ = last_save_ = options_.clock();
}

}  // namespace lift
