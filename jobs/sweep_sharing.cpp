#include "jobs/sweep_sharing.hpp"

#include <algorithm>

#include "src/text/content_hash.hpp"

namespace lift {
namespace {

/// Whether `name` is one of `names`, or begins as one of those that end in a dot.
bool is_among(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view known) {
    return name == known || (known.ends_with('.') && name.starts_with(known));
  });
}

/// Of the surroundings, and of all options that have a value but those that `is_left_out`.
template <typename IsLeftOut>
std::string digest(const Options& options, const std::string& surroundings, const IsLeftOut& is_left_out) {
  ContentHash hash;
  hash.add_text(surroundings);
  for (const auto& [name, value] : options.values()) {
    if (is_left_out(name)) continue;
    hash.add_text(name);
    hash.add_text(value);
  }
  return hash.hex().substr(0, 16);
}

}  // namespace

SharedNames shared_names(const Options& options, const RunPlan& plan, const std::string& surroundings) {
  const bool constant = plan.warmup.schedule == Schedule::constant;
  return {.warmup = digest(options, surroundings,
                           [&](const std::string& name) {
                             return is_among(name, kAfterWarmup) || (constant && name == "warmup.epochs");
                           }),
          .memo = digest(options, surroundings,
                         [](const std::string& name) { return is_among(name, kAfterFirstResults); })};
}

}  // namespace lift
