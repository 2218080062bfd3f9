#include "jobs/run_description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/report/format.hpp"

namespace lift {
namespace {

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

std::string describe_products(const SearchOptions& search, const RunCounts& counts, int ranks) {
  const std::string what =
      fmt::format("{} Hessian-vector products of {} training sequences", counts.products, counts.hessian);
  if (solves_implicitly(search)) return "at most " + what;
  const std::string beside =
      counts.checking > 0 ? fmt::format("; at most {} for the hypergradient", counts.checking) : "";
  if (search.probe_kind != ProbeKind::random) return what + ", one after the other" + beside;
  const std::int64_t groups = std::min<std::int64_t>(ranks, counts.products);
  return fmt::format("{}, at most {} a rank{}", what, (counts.products + groups - 1) / groups, beside);
}

std::string describe_report(const RunCounts& counts) {
  return fmt::format("at most {} Hessian-vector products of {} training sequences, one after the other",
                     counts.reported, counts.hessian);
}

std::string describe_method(const RunPlan& plan, const CorpusSize& size) {
  const MethodPlan found = method_plan(plan, size);
  const std::string name = to_string(plan.method.method);
  const std::string flatness =
      found.reported > 0 ? fmt::format(", and {:.0f} beside them that report the flatness", found.reported)
                         : "";
  const std::string work = fmt::format("{:.0f} forward passes of a sequence in all{}", found.units, flatness);
  if (found.trainings == 0) return fmt::format("{}: {}", name, work);
  return fmt::format("{}: {}{} steps from {}, the selection sequences evaluated every {}; {}", name,
                     found.trainings > 1 ? fmt::format("{} trainings of ", found.trainings) : "", found.steps,
                     plan.method.from_pretrained ? "the pretrained weights" : "W0", found.every, work);
}

std::string describe_memory(const RunMemory& memory) {
  const auto gib = [](double bytes) { return bytes / kGib; };
  return fmt::format(
      "about {:.2f} GiB: libraries {:.2f}, model {:.2f}, writing {:.2f}, and the most of warm-up {:.2f}, {}"
      "self-check {:.2f}, {}probes {:.2f}, linear program {:.2f}, line search {:.2f}",
      gib(memory.total()), gib(memory.libraries), gib(memory.model), gib(memory.writing), gib(memory.warmup),
      memory.corrector > 0 ? fmt::format("correctors {:.2f}, ", gib(memory.corrector)) : "",
      gib(memory.self_check),
      memory.curvature > 0 ? fmt::format("curvature report {:.2f}, ", gib(memory.curvature)) : "",
      gib(memory.probes), gib(memory.program), gib(memory.line_search));
}

std::string describe_tuned(const RunPlan& plan) {
  const TunedLayout& layout = plan.layout;
  const double parameters = parameters_of(plan.config);
  if (!layout.lora())
    return fmt::format("n = {} of {:.0f} weights in {} tensors", layout.n(), parameters,
                       layout.tensors().size());
  return fmt::format("n = {} in {} low-rank pairs (rank {}, alpha {:g}) beside {:.0f} frozen weights",
                     layout.n(), layout.weights().size(), layout.lora()->rank, layout.lora()->alpha,
                     parameters);
}

/// What a run leaves in its folder, and the instances that --search.keep asks for.
std::string describe_disk(const RunPlan& plan) {
  const double model = parameters_of(plan.config) * 4;
  const auto n = static_cast<double>(plan.layout.n());
  const double columns = static_cast<double>(plan.layout.p()) + n, rows = plan.search.rows();
  const double probe = n * (plan.precision == at::kDouble ? 8 : 4);
  const double kept = plan.keep.empty() ? 0 : plan.search.rounds * (8 * (rows + 3) * columns + rows * probe);
  const double adapter = plan.layout.lora() ? 4 * n : 0;
  return fmt::format("{:.2f} GiB: the tuned model,{} the best validation epoch and the epochs kept{}",
                     (static_cast<double>(2 + plan.kept_epochs.size()) * model + adapter + kept) / kGib,
                     adapter > 0 ? " its adapter," : "",
                     kept > 0 ? fmt::format(", and {:.2f} of --search.keep", kept / kGib) : "");
}

/// What lies there while a run goes on: resume points of W, its moments, the last good and the best, one more
/// than are kept while the next is written; and what the memo of a round holds at most.
std::string describe_disk_meanwhile(const RunPlan& plan) {
  const double vectors = plan.search.tune_rate ? 6 : 5;
  const double vector = static_cast<double>(plan.layout.n()) * (plan.precision == at::kDouble ? 8 : 4);
  const double points = (1 + plan.checkpoints.keep) * vectors * vector;
  const bool solves = plan.search.rows() <= 1 || plan.search.hypergradient;
  std::int64_t most = plan.search.rows() + (solves ? plan.search.max_products : 0);
  if (plan.curvature) most = std::max(most, plan.curvature->max_products);
  const double memo = plan.checkpoints.memo == WorkMemo::Policy::never ? 0 : (2 + most) * vector;
  return fmt::format("{:.2f} GiB of checkpoints, at most {:.2f} of a round's results", points / kGib,
                     memo / kGib);
}

std::string describe_time(const RunSeconds& seconds, int ranks, const ComputeRates& rates) {
  std::string text = fmt::format(
      "about {} on {} rank{} like this one ({:.0f} GFLOP/s in a matrix product just now{})",
      format_duration(seconds.total()), ranks, ranks == 1 ? "" : "s", rates.model / 1e9,
      rates.training == rates.model ? ""
                                    : fmt::format(", {:.0f} in one of training steps", rates.training / 1e9));
  const char* before = ": ";
  for (const auto& [phase, time] : {std::pair("warm-up", seconds.warmup),
                                    {"self-check", seconds.self_check},
                                    {"curvature report", seconds.curvature},
                                    {"gradient", seconds.gradient},
                                    {"probes", seconds.probes},
                                    {"linear program", seconds.lp},
                                    {"line search", seconds.line_search},
                                    {"correctors", seconds.corrector},
                                    {"method", seconds.method},
                                    {"evaluations", seconds.evaluate},
                                    {"files", seconds.files}}) {
    if (time == 0) continue;
    text += fmt::format("{}{} {}", before, phase, format_duration(time));
    before = ", ";
  }
  return text;
}

}  // namespace

std::string describe(const RunPlan& plan, const CorpusSize& size, int ranks, const ComputeRates& rates) {
  const std::int64_t coordinates = plan.layout.p() + plan.layout.n();
  const int m = plan.search.rows();
  const RunCounts counts = count_run(plan, size);
  std::string text;
  const auto line = [&text](const std::string& name, const std::string& what) {
    text += fmt::format("  {:<22}{}\n", name, what);
  };
  if (!plan.preset.empty()) line("preset", plan.preset);
  line("tuned", fmt::format("{}, p = {} regularisation groups", describe_tuned(plan), plan.layout.p()));
  line("sequences",
       fmt::format("{} train, {} valid, {} test{}{}, of {} tokens", size.train, size.valid, size.test,
                   size.ood > 0 ? fmt::format(", {} of another corpus", size.ood) : "",
                   plan.corpus.searches_apart()
                       ? fmt::format(", {} of {} for the search", size.search,
                                     plan.corpus.valid.empty() ? "valid" : "--valid-data")
                       : "",
                   plan.corpus.splits.length));
  line("warm-up", fmt::format("{} steps of {} sequences, {} evaluations of valid and test", counts.steps,
                              plan.warmup.batch, plan.warmup.epochs + 1));
  if (plan.curvature) line("curvature report", describe_report(counts));
  if (plan.is_rival()) {
    line("method", describe_method(plan, size));
  } else {
    line("each of the rounds", fmt::format("{} of them", plan.search.rounds));
    line("  gradient", fmt::format("{} validation sequences", counts.gradient));
    if (counts.products > 0) line("  probes", describe_products(plan.search, counts, ranks));
    if (m > 0)
      line("  linear program",
           fmt::format("{} rows, {} columns, {} nonzeros", m, coordinates, std::int64_t{m} * coordinates));
    line("  line search",
         fmt::format("{} steps, {} validation sequences each{}", plan.search.line.steps, counts.selection,
                     plan.search.line_kind == LineKind::grid ? ", refined by a few more" : ""));
  }
  if (counts.correctors > 0)
    line("correctors", fmt::format("{}, of {} steps in all", counts.correctors, counts.corrector_steps));
  line("memory of a rank", describe_memory(estimate_memory(plan, size, ranks, rates.device)));
  line("disk", describe_disk(plan));
  line("disk meanwhile", describe_disk_meanwhile(plan));
  line("walltime", describe_time(estimate_seconds(plan, size, ranks, rates), ranks, rates));
  return text;
}

std::string describe_curvature(const RunPlan& plan, std::int64_t train, int ranks,
                               const ComputeRates& rates) {
  const CorpusSize size{.train = train};
  const RunSeconds seconds{.curvature = estimate_seconds(plan, size, ranks, rates).curvature};
  const RunMemory held = estimate_memory(plan, size, ranks, rates.device);
  std::string text;
  const auto line = [&text](const std::string& name, const std::string& what) {
    text += fmt::format("  {:<22}{}\n", name, what);
  };
  line("matrix", fmt::format("H22 of n = {} weights in {} tensors, p = {} regularisation groups",
                             plan.layout.n(), plan.layout.tensors().size(), plan.layout.p()));
  line("curvature report", describe_report(count_run(plan, size)));
  line("memory of a rank", fmt::format("about {:.2f} GiB: libraries {:.2f}, model {:.2f}, the report {:.2f}",
                                       (held.libraries + held.model + held.curvature) / kGib,
                                       held.libraries / kGib, held.model / kGib, held.curvature / kGib));
  line("disk", fmt::format("{:.2f} GiB: a vector of negative curvature, where there is one",
                           8 * static_cast<double>(plan.layout.n()) / kGib));
  line("walltime", describe_time(seconds, ranks, rates));
  return text;
}

}  // namespace lift
