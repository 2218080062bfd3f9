#include "jobs/checkpoint_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <sstream>
#include <utility>

#include "jobs/option_choice.hpp"
#include "jobs/option_values.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 5> kSignals = {
    {{"TERM", SIGTERM}, {"INT", SIGINT}, {"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}}};

/// Where something lies, how a run is watched over, and what bounds its memory, which shows in rounding as
/// the number of ranks does: none of it must stay. Of files it is the contents that count, which are compared
/// by their digests.
constexpr std::array<std::string_view, 17> kFree = {"model",
                                                    "start",
                                                    "data",
                                                    "valid-data",
                                                    "ood",
                                                    "out",
                                                    "json",
                                                    "cache",
                                                    "search.keep",
                                                    "micro-batch",
                                                    "recompute",
                                                    "save.dtype",
                                                    "max-hours",
                                                    "stop-signals",
                                                    "checkpoint.minutes",
                                                    "checkpoint.keep",
                                                    "checkpoint.memo"};

bool must_stay(std::string_view name) {
  return std::ranges::count(kFree, name) == 0;
}

int signal_of(std::string_view name) {
  const auto found = std::ranges::find(kSignals, name, &std::pair<std::string_view, int>::first);
  if (found == kSignals.end())
    throw Error(
        ExitCode::usage,
        fmt::format("--stop-signals: '{}' is none of TERM, INT, HUP, USR1, USR2; expected some of them "
                    "with commas between, or none",
                    shown(name)));
  return found->second;
}

}  // namespace

std::vector<int> signals_of(std::string_view list) {
  std::vector<int> signals;
  if (list == "none") return signals;
  while (true) {
    const auto comma = list.find(',');
    signals.push_back(signal_of(list.substr(0, comma)));
    if (comma == std::string_view::npos) return signals;
    list.remove_prefix(comma + 1);
  }
}

CheckpointPlan checkpoint_plan(const Options& options) {
  CheckpointPlan plan{.resume = options.flag("resume"),
                      .interval = 60 * options.real("checkpoint.minutes"),
                      .keep = static_cast<int>(options.count("checkpoint.keep")),
                      .memo = chosen<WorkMemo::Policy>(options, "checkpoint.memo",
                                                       {{"measured", WorkMemo::Policy::measured},
                                                        {"always", WorkMemo::Policy::always},
                                                        {"never", WorkMemo::Policy::never}}),
                      .signals = signals_of(options.text("stop-signals")),
                      .identity = {}};
  if (const auto hours = options.optional_real("max-hours")) plan.most_seconds = 3600 * *hours;
  for (const auto& [name, value] : options.values()) {
    if (must_stay(name)) plan.identity.emplace("--" + name, value);
  }
  return plan;
}

std::map<std::string, std::string> identity_of_config(const std::string& text) {
  std::map<std::string, std::string> identity;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find(" = ");
    if (line.starts_with("#") || equals == std::string::npos) continue;
    const std::string name = line.substr(0, equals);
    if (must_stay(name)) identity.emplace("--" + name, line.substr(equals + 3));
  }
  return identity;
}

void limit_time(const CheckpointPlan& plan, double elapsed, StopperOptions& stop) {
  const auto of_slurm = slurm_seconds_left();
  if (plan.most_seconds) stop.seconds_left = std::max(0.0, *plan.most_seconds - elapsed);
  stop.limit = "the time of --max-hours";
  if (of_slurm && (!stop.seconds_left || *of_slurm < *stop.seconds_left)) {
    stop.seconds_left = of_slurm;
    stop.limit = "Slurm's time limit";
  }
}

}  // namespace lift
