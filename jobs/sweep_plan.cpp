#include "jobs/sweep_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <system_error>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/files/atomic_file.hpp"
#include "src/search/holdout.hpp"
#include "src/text/content_hash.hpp"

namespace lift {
namespace {

/// Options that no warm-up depends on: of the search and what comes after it, and where things lie.
constexpr std::array<std::string_view, 11> kAfterWarmup = {
    "search.", "recover.", "lp.",         "curvature.", "direction", "preset", "tune.learning-rate",
    "cache",   "out",      "checkpoint.", "save.dtype"};
/// Options that what a search makes before its first step does not depend on, beyond what the names of these
/// results say (the weights, lambda, the sequences, the kind of product).
constexpr std::array<std::string_view, 19> kAfterFirstResults = {"recover.",
                                                                 "lp.",
                                                                 "direction",
                                                                 "preset",
                                                                 "search.rounds",
                                                                 "search.min-gain",
                                                                 "search.line",
                                                                 "search.ratio",
                                                                 "search.steps",
                                                                 "search.watch",
                                                                 "search.corrector-steps",
                                                                 "search.corrector-lr",
                                                                 "search.max-step",
                                                                 "search.hypergradient",
                                                                 "save.dtype",
                                                                 "tune.learning-rate",
                                                                 "checkpoint.",
                                                                 "cache",
                                                                 "out"};

/// Whether `name` is one of `names`, or of a family, which stand there as beginnings with a dot.
template <std::size_t N>
bool is_among(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::ranges::any_of(names, [&](std::string_view known) {
    return name == known || (known.ends_with('.') && name.starts_with(known));
  });
}

/// Of all options that have a value but those of `left_out`.
template <std::size_t N>
std::string digest(const Options& options, const std::array<std::string_view, N>& left_out, bool any_epochs) {
  ContentHash hash;
  for (const auto& [name, value] : options.values()) {
    if (is_among(name, left_out) || (any_epochs && name == "warmup.epochs")) continue;
    hash.add_text(name);
    hash.add_text(value);
  }
  return hash.hex().substr(0, 12);
}

/// Runs a check of one point; what it refuses makes the point invalid.
template <typename Check>
bool passes(SweepPoint& point, const Check& check) {
  try {
    check();
    return true;
  } catch (const Error& error) {
    point.code = error.code();
    point.trouble = error.what();
    return false;
  }
}

/// A folder of that name may hold a run of other options: what all points share is not in their names.
void check_same_run(const SweepPoint& point, const std::filesystem::path& run) {
  std::error_code ignored;
  if (!std::filesystem::exists(run / "config.cfg", ignored)) return;
  const auto theirs = identity_of_config(read_file(run / "config.cfg"));
  if (const std::string found = difference(point.plan->checkpoints.identity, theirs); !found.empty())
    throw Error(ExitCode::usage,
                fmt::format("{} holds another run: {}; expected another --out, or that folder "
                            "to be removed",
                            run.string(), found));
}

void plan_point(const SweepEntry& entry, const std::filesystem::path& file, const std::filesystem::path& out,
                Corpora& corpora, JobContext& context, SweepPoint& point) {
  point.name = entry.name;
  passes(point, [&] {
    agree(context.comm, [&] {
      point.options.emplace(options_of(entry, file, out / "points" / entry.name));
      point.plan.emplace(plan_run(*point.options));
    });
    agree(context.comm, [&] {
      if (context.comm.is_root()) check_same_run(point, point.plan->out);
    });
    const RunPlan& plan = *point.plan;
    check_splits(plan.corpus, {Split::train, Split::valid, Split::test}, context.comm);
    const Corpus& corpus = corpora.load(plan.model, plan.config, plan.corpus, plan.search_sequences, context);
    point.size = {.train = corpus.train.size(),
                  .valid = corpus.valid.size(),
                  .test = corpus.test.size(),
                  .search = corpus.search.size()};
    agree(context.comm, [&] {
      if (plan.holdout > 0) (void)split_holdout(corpus.search, plan.holdout);
    });
    const bool constant = plan.warmup.schedule == Schedule::constant;
    point.warmup = digest(*point.options, kAfterWarmup, constant);
    point.memo = fmt::format("{}-{}", plan.warmup.epochs, digest(*point.options, kAfterFirstResults, true));
  });
  if (!point.valid()) point.warmup = point.memo = "";
}

/// Leaves names only where two points have the same.
void keep_what_is_shared(std::vector<SweepPoint>& points, std::string SweepPoint::*name) {
  std::map<std::string, int> count;
  for (const SweepPoint& point : points) ++count[point.*name];
  for (SweepPoint& point : points) {
    if (count[point.*name] == 1) (point.*name).clear();
  }
}

std::vector<std::size_t> order_of(const std::vector<SweepPoint>& points) {
  std::map<std::string, std::size_t> first;  // by warm-up
  for (std::size_t k = 0; k < points.size(); ++k) first.emplace(points[k].warmup, k);
  const auto key = [&](std::size_t k) {
    const SweepPoint& point = points[k];
    return std::tuple(!point.valid(), point.warmup.empty() ? k : first.at(point.warmup), point.epochs(), k);
  };
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, key);
  return order;
}

std::string read_for_all(const std::filesystem::path& file, const Communicator& comm) {
  std::string text;
  agree(comm, [&] {
    if (comm.is_root()) text = read_file(file);
  });
  broadcast(text, 0, comm);
  return text;
}

}  // namespace

std::int64_t SweepPlan::invalid() const {
  return std::ranges::count_if(points, [](const SweepPoint& point) { return !point.valid(); });
}

std::vector<std::size_t> SweepPlan::members(const std::string& warmup) const {
  std::vector<std::size_t> members;
  std::ranges::copy_if(order, std::back_inserter(members),
                       [&](std::size_t k) { return points[k].warmup == warmup; });
  return members;
}

SweepPlan plan_sweep(const std::filesystem::path& file, const std::filesystem::path& out,
                     JobContext& context) {
  SweepPlan plan{.file = file, .text = read_for_all(file, context.comm), .points = {}, .order = {}};
  std::vector<SweepEntry> entries;
  agree(context.comm, [&] { entries = read_sweep(file, plan.text); });
  plan.points.resize(entries.size());
  Corpora corpora;
  for (std::size_t k = 0; k < entries.size(); ++k)
    plan_point(entries[k], file, out, corpora, context, plan.points[k]);
  keep_what_is_shared(plan.points, &SweepPoint::warmup);
  keep_what_is_shared(plan.points, &SweepPoint::memo);
  plan.order = order_of(plan.points);
  return plan;
}

}  // namespace lift
