#include "jobs/sweep_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <system_error>
#include <vector>

#include "jobs/sweep_sharing.hpp"
#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/files/atomic_file.hpp"
#include "src/model/checkpoint.hpp"
#include "src/report/provenance.hpp"
#include "src/search/holdout.hpp"
#include "src/text/split_files.hpp"

namespace lift {
namespace {

/// What of the inputs several points have in common: read and looked at once.
class Inputs {
 public:
  Inputs(JobContext& context, int ranks_each) : context_(context) {
    const Binding& binding = context.binding();
    surroundings_ = fmt::format("{} {} ranks of {} threads on {}", build_stamp().version, ranks_each,
                                binding.threads, binding.name);
  }

  /// Throws AgreedError(input), or another, if the model, the checkpoint to start from or the corpus is not
  /// whole. Collective.
  const Corpus& corpus(const RunPlan& plan) {
    check_files(plan.corpus, context_.comm);
    for (const auto& folder : {plan.model, plan.start}) check_model(folder, plan);
    return corpora_.load(plan.model, plan.config, plan.corpus, context_);
  }

  /// What the bits of a point depend on beside its options. Collective.
  std::string surroundings(const RunPlan& plan) {
    std::string all = surroundings_ + (plan.precision == at::kDouble ? ", float64" : "");
    for (const auto& folder : {plan.model, plan.start})
      all += digest(folder, [&](Provenance& found) { hash_folder(folder, found); });
    std::map<std::string, std::vector<std::filesystem::path>> files;  // by option, and where it points to
    agree(context_.comm, [&] {
      for (const auto& [option, file] : files_of(plan.corpus))
        files[fmt::format("{} {}", option, file.parent_path().string())].push_back(file);
    });
    for (const auto& [name, of_option] : files)
      all += digest(name, [&of = of_option](Provenance& found) {
        for (const auto& file : of) found.inputs.push_back(hash_file(file));
      });
    return all;
  }

 private:
  void check_model(const std::filesystem::path& folder, const RunPlan& plan) {
    if (folder.empty()) return;
    const auto [found, fresh] = models_.try_emplace(folder);
    if (fresh) {
      try {
        (void)load_checkpoint(folder, plan.precision, at::kCPU, context_.comm);
      } catch (const AgreedError& error) {
        found->second.emplace(error);
      }
    }
    if (found->second) throw AgreedError(*found->second);
  }

  template <typename Hash>
  const std::string& digest(const std::filesystem::path& folder, const Hash& hash) {
    const auto [found, fresh] = digests_.try_emplace(folder);
    if (!fresh || folder.empty()) return found->second;
    agree(context_.comm, [&] {
      if (!context_.comm.is_root()) return;
      Provenance inputs;
      hash(inputs);
      std::ranges::sort(inputs.inputs, {}, &InputFile::path);
      for (const InputFile& file : inputs.inputs) found->second += fmt::format("\n{}", file.xxh3_128);
    });
    broadcast(found->second, 0, context_.comm);
    return found->second;
  }

  JobContext& context_;
  std::string surroundings_;
  Corpora corpora_;
  std::map<std::filesystem::path, std::optional<AgreedError>> models_;  ///< what is wrong with each
  std::map<std::filesystem::path, std::string> digests_;
};

/// Runs a check of one point; what all ranks refuse makes the point invalid.
template <typename Check>
void check_point(SweepPoint& point, const Check& check) {
  try {
    check();
  } catch (const AgreedError& error) {
    point.code = error.code();
    point.trouble = error.what();
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
                Inputs& inputs, const Communicator& comm, SweepPoint& point) {
  point.name = entry.name;
  check_point(point, [&] {
    agree(comm, [&] {
      point.options.emplace(options_of(entry, file, out / "points" / entry.name));
      point.plan.emplace(plan_run(*point.options));
      if (comm.is_root()) check_same_run(point, point.plan->out);
    });
    const RunPlan& plan = *point.plan;
    const Corpus& corpus = inputs.corpus(plan);
    point.size = corpus_size(corpus);
    agree(comm, [&] {
      if (plan.holdout > 0) (void)split_holdout(corpus.search, plan.holdout);
      check_affordable(plan, point.size);
    });
    const SharedNames names = shared_names(*point.options, plan, inputs.surroundings(plan));
    point.warmup = names.warmup;
    point.memo = names.memo;
  });
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

SweepPlan plan_sweep(const std::filesystem::path& file, const std::filesystem::path& out, int ranks_each,
                     JobContext& context) {
  SweepPlan plan{.file = file, .text = read_for_all(file, context.comm), .points = {}, .order = {}};
  std::vector<SweepEntry> entries;
  agree(context.comm, [&] { entries = read_sweep(file, plan.text); });
  plan.points.resize(entries.size());
  Inputs inputs(context, ranks_each);
  for (std::size_t k = 0; k < entries.size(); ++k)
    plan_point(entries[k], file, out, inputs, context.comm, plan.points[k]);
  keep_what_is_shared(plan.points, &SweepPoint::warmup);
  keep_what_is_shared(plan.points, &SweepPoint::memo);
  plan.order = order_of(plan.points);
  return plan;
}

}  // namespace lift
