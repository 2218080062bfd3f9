#include "jobs/method_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "jobs/checked_options.hpp"
#include "jobs/corpus_inputs.hpp"
#include "jobs/option_choice.hpp"
#include "mpi/error.hpp"
#include "src/methods/weight_problems.hpp"

namespace lift {
namespace {

constexpr Method kMethods[] = {Method::lift,      Method::early_stop,   Method::grid,
                               Method::random,    Method::train_valid,  Method::validation_steps,
                               Method::wise,      Method::wise_tensors, Method::tpgm,
                               Method::tpgm_once, Method::ftp,          Method::pbgd_free,
                               Method::f2sa,      Method::v_pbgd,       Method::bome,
                               Method::alright,   Method::f2sa_lambda};

/// The updates of the authors' one-shot setting.
constexpr std::int64_t kUpdatesOnce = 200;
/// Of log λ.
constexpr double kLambdaRate = 0.1;

Method method_named(const std::string& name) {
  return *std::ranges::find(kMethods, name, [](Method method) { return std::string(to_string(method)); });
}

bool starts_anew(Method method) {
  switch (method) {
    case Method::early_stop:
    case Method::grid:
    case Method::random:
    case Method::train_valid:
    case Method::tpgm:
    case Method::ftp:
      return true;
    default:
      return false;
  }
}

bool trains(Method method) {
  return method != Method::lift && method != Method::wise && method != Method::wise_tensors;
}

Schedule schedule(const Options& options) {
  return chosen<Schedule>(
      options, "method.schedule",
      {{"constant", Schedule::constant}, {"cosine", Schedule::cosine}, {"linear", Schedule::linear}});
}

std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  std::istringstream stream(list);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

TpgmOptions tpgm_options(const Options& options, Method method) {
  const std::string norm = options.text("tpgm.norm");
  const bool l2 = norm.empty() ? method == Method::tpgm_once : norm == "l2";
  return {.norm = l2 ? RadialNorm::l2 : RadialNorm::mars,
          .every = static_cast<int>(options.count("tpgm.every")),
          .updates = static_cast<int>(options.count("tpgm.updates")),
          .rate = options.real("tpgm.lr"),
          .excluded = words_of(options.text("tpgm.exclude")),
          .batch = static_cast<int>(options.count("batch")),
          .seed = static_cast<std::uint64_t>(options.count("seed"))};
}

/// Of the upper variable where none is given. V-PBGD steps along f + γ(…) in x and y at once, whose gradient
/// changes as fast as γ is large (Shen and Chen 2023: a step of order 1/γ), and as f's where γ is small.
double default_rate(Method method, double rate, double gamma) {
  if (method == Method::f2sa_lambda) return kLambdaRate;
  return method == Method::v_pbgd ? rate / std::max(1.0, gamma) : rate;
}

PenaltyOptions penalty_options(const Options& options, Method method, double rate) {
  const double gamma = options.real("penalty.gamma");
  return {.rule = options.text("penalty.rule") == "adam" ? DescentRule::adam : DescentRule::gradient,
          .gamma = gamma,
          .inner = static_cast<int>(options.count("penalty.inner")),
          .rate = options.optional_real("penalty.lr").value_or(default_rate(method, rate, gamma)),
          .inner_rate = options.optional_real("penalty.inner-lr").value_or(rate),
          .weight = options.real("penalty.weight")};
}

}  // namespace

MethodOptions method_options(const Options& options) {
  const Method method = method_named(options.text("method"));
  const double rate = options.optional_real("method.lr").value_or(options.real("warmup.lr"));
  const std::string start = options.text("method.start");
  const auto [lambda_low, lambda_high] = lambda_bounds_of_trials(options);
  const auto evaluations = options.optional_count("method.evaluations");
  return {.method = method,
          .from_pretrained = start.empty() ? starts_anew(method) : start == "pretrained" && trains(method),
          .training = {.name = to_string(method),
                       .rate = rate,
                       .schedule = schedule(options),
                       .clip = options.real("warmup.clip"),
                       .batch = static_cast<int>(options.count("batch")),
                       .seed = static_cast<std::uint64_t>(options.count("seed")),
                       .precision = training_precision(options)},
          .steps = options.optional_count("method.steps").value_or(0),
          .budget = options.optional_real("method.budget"),
          .evaluations = evaluations ? std::optional(static_cast<int>(*evaluations)) : std::nullopt,
          .trials = static_cast<int>(options.count("method.trials")),
          .lambda_low = lambda_low,
          .lambda_high = lambda_high,
          .grid_steps = static_cast<int>(options.count("method.grid")),
          .tensor_steps = static_cast<int>(options.count("method.tensor-grid")),
          .penalty = penalty_options(options, method, rate),
          .tpgm = tpgm_options(options, method),
          .ftp = {.norm = options.text("tpgm.norm") == "l2" ? RadialNorm::l2 : RadialNorm::mars,
                  .rate = options.real("tpgm.lr"),
                  .shrink = options.real("ftp.shrink"),
                  .excluded = words_of(options.text("tpgm.exclude"))},
          .lower_blocks = static_cast<int>(options.count("penalty.lower-blocks")),
          .flatness = {.pairs = static_cast<int>(options.count("penalty.flatness")),
                       .steps = options.count("penalty.flatness-steps")}};
}

void check_method(const MethodOptions& method, const TunedLayout& layout) {
  const char* name = to_string(method.method);
  if (method.method == Method::tpgm || method.method == Method::tpgm_once || method.method == Method::ftp)
    (void)RadialProjection(layout.tensors(), method.tpgm.norm, method.tpgm.excluded);
  if (method.method == Method::f2sa_lambda || method.method == Method::grid ||
      method.method == Method::random) {
    if (layout.p() == 0)
      throw Error(ExitCode::usage,
                  fmt::format("--method {} is of lambda, and no group is regularised", name));
    return;
  }
  if (penalty_method(method.method)) (void)last_blocks(layout, method.lower_blocks);
}

MethodOptions method_for(MethodOptions method, std::int64_t warmup_steps, std::int64_t epoch) {
  if (method.steps > 0 || method.budget) return method;
  method.steps = method.method == Method::tpgm_once ? kUpdatesOnce : std::max(warmup_steps, epoch);
  return method;
}

}  // namespace lift
