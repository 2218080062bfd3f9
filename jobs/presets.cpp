#include "jobs/presets.hpp"

namespace lift {
namespace {

/// Algorithm 1 as published, in the mended forms that the options' defaults are.
constexpr PresetValue kPaper[] = {
    {"regularizer", "l2"},           {"direction", "lp"},
    {"search.probe-kind", "random"}, {"search.probes", "16"},
    {"search.batches", "10"},        {"search.hvp-batches", "10"},
    {"search.line", "grid"},         {"search.steps", "31"},
    {"search.max-step", "1.5"},      {"search.rounds", "1"},
    {"search.holdout", "0"},         {"search.corrector-steps", "0"},
    {"recover.interpolate", "off"},  {"recover.corrector-epochs", "0"},
};

/// What brings an overfitted model back: interpolation towards the pretrained weights with overshoot, a short
/// corrector, then few rounds whose direction and step are chosen on different validation sequences.
constexpr PresetValue kRecover[] = {
    {"regularizer", "l2-sp"},     {"recover.interpolate", "on"},
    {"recover.overshoot", "1.5"}, {"recover.corrector-epochs", "2"},
    {"search.holdout", "0.1"},    {"search.batches", "all"},
    {"direction", "lp"},          {"search.probe-kind", "krylov"},
    {"search.probes", "4"},       {"search.hvp-batches", "2"},
    {"search.rounds", "3"},       {"search.min-gain", "1e-3"},
    {"search.line", "model"},     {"search.steps", "9"},
};

}  // namespace

std::span<const PresetValue> preset_values(std::string_view name) {
  if (name == "paper") return kPaper;
  if (name == "recover") return kRecover;
  return {};
}

}  // namespace lift
