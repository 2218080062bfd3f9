#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "jobs/checked_options.hpp"

namespace lift {
namespace {

using Names = std::vector<std::string_view>;

Names joined(Names a, const Names& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Words of --method that read an option.
struct Readers {
  std::string_view option;
  Names methods;
};

/// Rivals whose steps are those of a warm-up, and that choose by evaluations on the way.
const Names& chosen_trainings() {
  static const Names all = {"early-stop", "grid", "random", "validation-steps", "tpgm", "ftp"};
  return all;
}

/// All whose steps are those of a warm-up.
const Names& trainings() {
  static const Names all = joined(chosen_trainings(), {"train-valid"});
  return all;
}

const std::vector<Readers>& readers() {
  static const Names split = {"pbgd-free", "f2sa", "v-pbgd", "bome", "alright"};
  static const Names penalties = joined(split, {"f2sa-lambda"});
  static const Names radii = {"tpgm", "tpgm-once", "ftp"};
  static const std::vector<Readers> table = {
      {"method.start", joined(trainings(), penalties)},
      {"method.budget", joined(joined(trainings(), penalties), {"tpgm-once"})},
      {"method.steps", joined(joined(trainings(), penalties), {"tpgm-once"})},
      {"method.lr", joined(trainings(), penalties)},
      {"method.schedule", trainings()},
      {"method.evaluations", joined(chosen_trainings(), penalties)},
      {"method.trials", {"grid", "random"}},
      {"method.lambda-low", {"grid", "random"}},
      {"method.lambda-high", {"grid", "random"}},
      {"method.grid", {"wise"}},
      {"method.tensor-grid", {"wise-tensors"}},
      {"tpgm.norm", radii},
      {"tpgm.every", {"tpgm"}},
      {"tpgm.updates", {"tpgm"}},
      {"tpgm.lr", radii},
      {"tpgm.exclude", radii},
      {"ftp.shrink", {"ftp"}},
      {"penalty.gamma", {"pbgd-free", "f2sa", "v-pbgd", "f2sa-lambda"}},
      {"penalty.inner", {"pbgd-free", "f2sa", "v-pbgd", "bome", "f2sa-lambda"}},
      {"penalty.lr", penalties},
      {"penalty.inner-lr", penalties},
      {"penalty.rule", penalties},
      {"penalty.weight", {"alright"}},
      {"penalty.lower-blocks", split},
      {"penalty.flatness", split},
      {"penalty.flatness-steps", split}};
  return table;
}

/// What of the search a rival reads: the sequences that shape and choose, and λ as it starts.
constexpr std::array<std::string_view, 4> kShared = {"search.sequences", "search.holdout", "search.lambda",
                                                     "search.hvp-batches"};

bool is_of_the_search(std::string_view name) {
  if (std::ranges::count(kShared, name) > 0) return false;
  return name.starts_with("search.") || name.starts_with("recover.") || name.starts_with("lp.") ||
         name.starts_with("curvature.") || name == "direction" || name == "preset" ||
         name == "tune.learning-rate";
}

}  // namespace

std::pair<double, double> lambda_bounds_of_trials(const Options& options) {
  const bool around_pretrained = options.text("regularizer") == "l2-sp";
  return {options.optional_real("method.lambda-low").value_or(around_pretrained ? 1e-4 : 1e-5),
          options.optional_real("method.lambda-high").value_or(around_pretrained ? 1e-1 : 1e-2)};
}

void check_rival(CheckedOptions& checked) {
  const Options& options = checked.options;
  const std::string method = options.text("method");
  const std::string because = fmt::format("with --method {}", method);
  for (const Readers& reader : readers())
    if (std::ranges::count(reader.methods, method) == 0) checked.refuse_idle(reader.option, because);
  if (method == "lift") return;
  for (const OptionSpec& spec : option_table())
    if (spec.belongs_to(Job::run) && is_of_the_search(spec.name)) checked.refuse_idle(spec.name, because);
  if (options.count("penalty.flatness") == 0)
    checked.refuse_idle("penalty.flatness-steps", "without --penalty.flatness");
  if (options.given("method.budget") && options.given("method.steps"))
    checked.refuse("--method.budget and --method.steps contradict each other; expected one of them");
  if (const auto [low, high] = lambda_bounds_of_trials(options); low > high)
    checked.refuse(
        fmt::format("--method.lambda-low is greater than --method.lambda-high: {} > {}", low, high));
}

bool trains_a_rival(const Options& options) {
  const std::string method = options.text("method");
  return method != "lift" && method != "wise" && method != "wise-tensors";
}

bool trains_like_a_warmup(const Options& options) {
  return std::ranges::count(trainings(), options.text("method")) > 0;
}

}  // namespace lift
