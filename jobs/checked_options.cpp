#include "jobs/checked_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mpi/error.hpp"

namespace lift {
namespace {

/// Whether the command line makes a choice that may leave options of a file without meaning.
bool overrides_a_choice(const Options& options) {
  constexpr std::array kChoices = {"preset",
                                   "method",
                                   "direction",
                                   "search.probe-kind",
                                   "search.hvp",
                                   "search.curvature",
                                   "curvature.report",
                                   "search.hypergradient",
                                   "search.line",
                                   "search.rounds",
                                   "search.corrector-steps",
                                   "lp.trust-region",
                                   "recover.interpolate",
                                   "recover.corrector-epochs",
                                   "tune.learning-rate",
                                   "warmup.epochs"};
  return std::ranges::any_of(kChoices, [&](const char* choice) { return options.typed(choice); });
}

}  // namespace

void CheckedOptions::refuse(const std::string& message) const {
  if (purpose_ == Purpose::refuse) throw Error(ExitCode::usage, message);
}

bool CheckedOptions::may_be_idle(std::string_view name) const {
  return !options.typed(name) && overrides_a_choice(options);
}

void CheckedOptions::add_idle(std::string_view name) {
  if (purpose_ == Purpose::settle) idle.emplace_back(name);
}

void CheckedOptions::refuse_idle(std::string_view name, const std::string& because) {
  if (!options.chosen(name)) return;
  if (may_be_idle(name)) return add_idle(name);
  const std::string place = options.typed(name) ? "" : options.origin(name) + ": ";
  refuse(fmt::format("{}--{} has no meaning {}", place, name, because));
}

void CheckedOptions::note_idle(std::span<const std::string_view> names, const std::string& because) {
  std::string given;
  for (const std::string_view name : names) {
    if (options.chosen(name)) given += fmt::format("{}--{}", given.empty() ? "" : ", ", name);
  }
  if (!given.empty()) notes.push_back(fmt::format("without effect {}: {}", because, given));
}

}  // namespace lift
