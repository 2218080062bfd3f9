#include "jobs/method_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "jobs/checked_options.hpp"
#include "jobs/corpus_inputs.hpp"
#include "jobs/option_choice.hpp"
#include "mpi/error.hpp"

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

PenaltyOptions penalty_options(const Options& options, Method method, double rate) {
  return {
      .method = penalty_method(method).value_or(PenaltyMethod::f2sa),
      .rule = options.text("penalty.rule") == "adam" ? DescentRule::adam : DescentRule::gradient,
      .gamma = options.real("penalty.gamma"),
      .inner = static_cast<int>(options.count("penalty.inner")),
      .rate =
          options.optional_real("penalty.lr").value_or(method == Method::f2sa_lambda ? kLambdaRate : rate),
      .inner_rate = options.optional_real("penalty.inner-lr").value_or(rate),
      .weight = options.real("penalty.weight")};
}

/// Options that one method or a few of them read.
struct Readers {
  std::string_view name;
  std::vector<Method> methods;
};

const std::vector<Readers>& readers() {
  using enum Method;
  static const std::vector<Method> all_trainings = {early_stop,       grid, random, train_valid,
                                                    validation_steps, tpgm, ftp};
  static const std::vector<Method> penalties = {pbgd_free, f2sa, v_pbgd, bome, alright, f2sa_lambda};
  static const std::vector<Method> split = {pbgd_free, f2sa, v_pbgd, bome, alright};
  static const std::vector<Method> follow = {pbgd_free, f2sa, v_pbgd, bome, f2sa_lambda};
  static const auto joined = [](std::vector<Method> a, const std::vector<Method>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  static const std::vector<Readers> table = {
      {"method.start", joined(all_trainings, penalties)},
      {"method.budget", joined(joined(all_trainings, penalties), {tpgm_once})},
      {"method.steps", joined(joined(all_trainings, penalties), {tpgm_once})},
      {"method.lr", joined(all_trainings, penalties)},
      {"method.schedule", all_trainings},
      {"method.evaluations", joined({early_stop, grid, random, validation_steps, tpgm, ftp}, penalties)},
      {"method.trials", {grid, random}},
      {"method.lambda-low", {grid, random}},
      {"method.lambda-high", {grid, random}},
      {"method.grid", {wise}},
      {"method.tensor-grid", {wise_tensors}},
      {"tpgm.norm", {tpgm, tpgm_once, ftp}},
      {"tpgm.every", {tpgm}},
      {"tpgm.updates", {tpgm}},
      {"tpgm.lr", {tpgm, tpgm_once, ftp}},
      {"tpgm.exclude", {tpgm, tpgm_once, ftp}},
      {"ftp.shrink", {ftp}},
      {"penalty.gamma", {pbgd_free, f2sa, v_pbgd, f2sa_lambda}},
      {"penalty.inner", follow},
      {"penalty.lr", penalties},
      {"penalty.inner-lr", penalties},
      {"penalty.rule", penalties},
      {"penalty.weight", {alright}},
      {"penalty.lower-blocks", split}};
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

MethodOptions method_options(const Options& options) {
  const Method method = method_named(options.text("method"));
  const double rate = options.optional_real("method.lr").value_or(options.real("warmup.lr"));
  const std::string start = options.text("method.start");
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
          .evaluations = static_cast<int>(options.count("method.evaluations")),
          .trials = static_cast<int>(options.count("method.trials")),
          .lambda_low = options.real("method.lambda-low"),
          .lambda_high = options.real("method.lambda-high"),
          .grid_steps = static_cast<int>(options.count("method.grid")),
          .tensor_steps = static_cast<int>(options.count("method.tensor-grid")),
          .penalty = penalty_options(options, method, rate),
          .tpgm = tpgm_options(options, method),
          .ftp = {.norm = options.text("tpgm.norm") == "l2" ? RadialNorm::l2 : RadialNorm::mars,
                  .rate = options.real("tpgm.lr"),
                  .shrink = options.real("ftp.shrink"),
                  .excluded = words_of(options.text("tpgm.exclude"))},
          .lower_blocks = static_cast<int>(options.count("penalty.lower-blocks"))};
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
  if (!penalty_method(method.method)) return;
  std::set<int> blocks;
  for (const TunedTensor& tensor : layout.tensors()) blocks.insert(tensor.block);
  if (method.lower_blocks >= std::ssize(blocks))
    throw Error(
        ExitCode::usage,
        fmt::format(
            "--penalty.lower-blocks {}: expected fewer than the {} tuned blocks, of which --method {} "
            "makes the others its upper variable",
            method.lower_blocks, blocks.size(), name));
}

MethodOptions method_for(MethodOptions method, std::int64_t warmup_steps, std::int64_t epoch) {
  if (method.steps > 0 || method.budget) return method;
  method.steps = method.method == Method::tpgm_once ? kUpdatesOnce : std::max(warmup_steps, epoch);
  return method;
}

void check_rival(CheckedOptions& checked) {
  const Options& options = checked.options;
  const Method method = method_named(options.text("method"));
  const std::string because = fmt::format("with --method {}", to_string(method));
  for (const Readers& reader : readers())
    if (std::ranges::count(reader.methods, method) == 0) checked.refuse_idle(reader.name, because);
  if (method == Method::lift) return;
  for (const OptionSpec& spec : option_table())
    if (spec.belongs_to(Job::run) && is_of_the_search(spec.name)) checked.refuse_idle(spec.name, because);
  if (options.given("method.budget") && options.given("method.steps"))
    checked.refuse("--method.budget and --method.steps contradict each other; expected one of them");
  if (options.real("method.lambda-low") > options.real("method.lambda-high"))
    checked.refuse("--method.lambda-low is greater than --method.lambda-high");
}

bool trains_a_rival(const Options& options) {
  return trains(method_named(options.text("method")));
}

}  // namespace lift
