#include "jobs/run_description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/objective/sequence_cost.hpp"
#include "src/report/format.hpp"
#include "src/search/local_model.hpp"
#include "src/search/recovery.hpp"

namespace lift {
namespace {

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
/// Candidates that the line search tries below, above and beside its grid, about.
constexpr int kRefinements = 4;

std::int64_t ceil_div(std::int64_t total, std::int64_t parts) {
  return (total + parts - 1) / parts;
}

/// Evaluations of a run, before they are divided over ranks.
struct Counts {
  std::int64_t steps = 0;      ///< of the warm-up
  std::int64_t gradient = 0;   ///< validation sequences that make g
  std::int64_t hessian = 0;    ///< training sequences of every product
  std::int64_t evaluated = 0;  ///< sequences of one evaluation of valid and test
  std::int64_t selection = 0;  ///< validation sequences that choose t
  std::int64_t products = 0;   ///< of a round, at most
  std::int64_t corrector = 0;  ///< Adam steps of all correctors
};

bool solves_implicitly(const SearchOptions& search) {
  return search.direction == DirectionKind::exact ||
         (search.direction == DirectionKind::lp && search.probe_kind == ProbeKind::adjoint);
}

/// Products of one round; where an implicit solve decides, the most it may take.
std::int64_t products_of(const SearchOptions& search) {
  if (solves_implicitly(search)) return search.max_products;
  return search.direction == DirectionKind::lp ? search.probes : 0;
}

std::int64_t corrector_steps(const SearchOptions& search, std::int64_t epoch) {
  const std::int64_t between = search.corrector.total(epoch);
  const std::int64_t tried = search.tune_rate ? 5 * (between > 0 ? between : epoch) : 0;
  return search.recovery.corrector.total(epoch) + between * std::max(0, search.rounds - 1) + tried;
}

Counts counts_of(const RunPlan& plan, const CorpusSize& size) {
  const std::int64_t batch = plan.search.batch;
  const std::int64_t epoch = ceil_div(size.train, plan.warmup.batch);
  const auto held = static_cast<std::int64_t>(std::llround(plan.holdout * static_cast<double>(size.valid)));
  const std::int64_t shaping = size.valid - held;
  return {.steps = epoch * plan.warmup.epochs,
          .gradient = plan.search.batches == 0 ? shaping : std::min(shaping, plan.search.batches * batch),
          .hessian = std::min(size.train, plan.search.hvp_batches * batch),
          .evaluated = size.valid + size.test,
          .selection = held > 0 ? held : size.valid,
          .products = products_of(plan.search),
          .corrector = corrector_steps(plan.search, epoch)};
}

/// Bytes of a rank.
struct Memory {
  double model = 0;
  double optimiser = 0;  ///< Adam's moments, gradient and copies of W
  double matrix = 0;     ///< the LP's shard, and one probe with its row
  double gradient = 0;   ///< activations of a micro-batch
  double products = 0;   ///< the same where it is differentiated twice, with the probes that share its graph
  double prefix = 0;     ///< what enters the first tuned block, of this rank's validation sequences

  [[nodiscard]] double total() const {
    return model + std::max({optimiser + gradient, matrix + products, matrix + prefix});
  }
};

double parameters_of(const Gpt2Config& config) {
  double parameters = 0;
  for (const TensorSpec& spec : tensor_specs(config)) parameters += static_cast<double>(spec.size());
  return parameters;
}

Memory memory_of(const RunPlan& plan, const CorpusSize& size, int ranks) {
  const auto n = static_cast<double>(plan.layout.n());
  const int m = plan.search.probe_kind == ProbeKind::adjoint ? 1 : plan.search.probes;
  const double value = plan.precision == at::kDouble ? 8 : 4;
  const SequenceCost one = sequence_cost(plan.config, plan.layout, plan.corpus.length, plan.precision);
  const double coordinates = (plan.layout.p() + n) / ranks;
  const double held = static_cast<double>(ceil_div(size.valid, std::max(1, ranks / kLineSearchWave)));
  return {.model = parameters_of(plan.config) * value,
          .optimiser = 6 * n * value,
          .matrix = coordinates * (m + 8) * 8 + 3 * n * value,
          .gradient = one.gradient_bytes * plan.micro_batch,
          .products = one.hvp_bytes * plan.micro_batch + 3.0 * kProbesPerGraph * n * value,
          .prefix = held * plan.corpus.length * plan.config.width * value};
}

std::string describe_products(const SearchOptions& search, const Counts& counts, int ranks) {
  const std::string what =
      fmt::format("{} Hessian-vector products of {} training sequences", counts.products, counts.hessian);
  if (solves_implicitly(search)) return "at most " + what;
  if (search.probe_kind != ProbeKind::random) return what + ", one after the other";
  return fmt::format("{}, at most {} a rank", what,
                     ceil_div(counts.products, std::min<std::int64_t>(ranks, counts.products)));
}

/// The most tasks × sequences that a group of ranks does, as ProcessGrid deals them.
struct Share {
  std::int64_t tasks = 0;
  std::int64_t sequences = 0;
};

Share share(std::int64_t tasks, std::int64_t groups, std::int64_t sequences, int ranks) {
  const std::int64_t used = std::min<std::int64_t>(ranks, groups);
  return {.tasks = ceil_div(tasks, used), .sequences = ceil_div(sequences, ranks / used)};
}

}  // namespace

RunSeconds estimate_seconds(const RunPlan& plan, const CorpusSize& size, int ranks, double rate) {
  const SequenceCost one = sequence_cost(plan.config, plan.layout, plan.corpus.length, plan.precision);
  const Counts counts = counts_of(plan, size);
  const double loss = one.prefix + one.loss, gradient = one.prefix + one.gradient;
  const auto each = [&](std::int64_t sequences) { return static_cast<double>(ceil_div(sequences, ranks)); };
  const auto product = [](std::int64_t a, std::int64_t b) { return static_cast<double>(a * b); };

  // Random probes are dealt over the ranks; those that follow from each other are made by all of them.
  const bool dealt =
      plan.search.direction == DirectionKind::lp && plan.search.probe_kind == ProbeKind::random;
  const Share probes = share(counts.products, dealt ? counts.products : 1, counts.hessian, ranks);
  const std::int64_t graphs = dealt ? ceil_div(probes.tasks, kProbesPerGraph) : probes.tasks;
  const int refinements = plan.search.line_kind == LineKind::grid ? kRefinements : 0;
  const Share steps = share(plan.search.line.steps + refinements, kLineSearchWave, counts.selection, ranks);
  const double rounds = plan.search.rounds;

  RunSeconds seconds;
  seconds.warmup = static_cast<double>(counts.steps) * each(plan.warmup.batch) * gradient +
                   (plan.warmup.epochs + 1.0) * each(counts.evaluated) * loss;
  seconds.gradient = rounds * (each(counts.gradient) + each(counts.hessian)) * gradient +
                     each(plan.search.batch) * (4 * gradient + 2 * one.hvp);
  seconds.probes = rounds * (product(graphs, probes.sequences) * gradient +
                             product(probes.tasks, probes.sequences) * one.hvp);
  seconds.line_search =
      rounds * (product(steps.tasks, steps.sequences) * one.loss + each(counts.selection) * one.prefix);
  seconds.corrector = static_cast<double>(counts.corrector) * each(plan.search.batch) * gradient;
  if (plan.search.recovery.interpolate) {
    const Share few = share(kInterpolationSteps, kLineSearchWave, counts.selection, ranks);
    seconds.corrector += product(few.tasks, few.sequences) * one.loss + each(counts.selection) * one.prefix;
  }
  const auto along_d = [&](std::int64_t sequences) {
    if (plan.watched_steps == 0) return 0.0;
    const Share few = share(plan.watched_steps, kLineSearchWave, sequences, ranks);
    return product(few.tasks, few.sequences) * one.loss + each(sequences) * one.prefix;
  };
  const std::int64_t train = std::min(size.train, size.valid);
  const double stages = rounds + (plan.search.recovery.interpolate ? 2 : 0);
  seconds.evaluate = (each(counts.evaluated) + 2 * each(train)) * loss +
                     stages * each(counts.evaluated) * loss + rounds * (along_d(train) + along_d(size.test));
  for (double* phase : {&seconds.warmup, &seconds.gradient, &seconds.probes, &seconds.line_search,
                        &seconds.corrector, &seconds.evaluate}) {
    *phase /= rate;
  }
  return seconds;
}

std::string describe(const RunPlan& plan, const CorpusSize& size, int ranks, double rate) {
  const std::int64_t n = plan.layout.n();
  const std::int64_t coordinates = plan.layout.p() + n;
  const int m = plan.search.probe_kind == ProbeKind::adjoint ? 1 : plan.search.probes;
  const Counts counts = counts_of(plan, size);
  const Memory memory = memory_of(plan, size, ranks);
  const RunSeconds seconds = estimate_seconds(plan, size, ranks, rate);
  const double parameters = parameters_of(plan.config);

  std::string text;
  const auto line = [&text](const std::string& name, const std::string& what) {
    text += fmt::format("  {:<22}{}\n", name, what);
  };
  if (!plan.preset.empty()) line("preset", plan.preset);
  line("tuned", fmt::format("n = {} of {:.0f} weights in {} tensors, p = {} regularisation groups", n,
                            parameters, plan.layout.tensors().size(), plan.layout.p()));
  line("sequences", fmt::format("{} train, {} valid, {} test, of {} tokens", size.train, size.valid,
                                size.test, plan.corpus.length));
  line("warm-up", fmt::format("{} steps of {} sequences, {} evaluations of valid and test", counts.steps,
                              plan.warmup.batch, plan.warmup.epochs + 1));
  line("each of the rounds", fmt::format("{} of them", plan.search.rounds));
  line("  gradient", fmt::format("{} validation sequences", counts.gradient));
  if (counts.products > 0) line("  probes", describe_products(plan.search, counts, ranks));
  if (plan.search.direction == DirectionKind::lp)
    line("  linear program",
         fmt::format("{} rows, {} columns, {} nonzeros", m, coordinates, std::int64_t{m} * coordinates));
  line("  line search",
       fmt::format("{} steps, {} validation sequences each{}", plan.search.line.steps, counts.selection,
                   plan.search.line_kind == LineKind::grid ? ", refined by a few more" : ""));
  if (counts.corrector > 0) line("correctors", fmt::format("{} steps in all", counts.corrector));
  line("memory of a rank",
       fmt::format(
           "about {:.2f} GiB beside the libraries: model {:.2f}; then Adam and copies of W {:.2f} with "
           "activations {:.2f}, or the LP's shard {:.2f} with those of the products {:.2f} or of the "
           "line search {:.2f}",
           memory.total() / kGib, memory.model / kGib, memory.optimiser / kGib, memory.gradient / kGib,
           memory.matrix / kGib, memory.products / kGib, memory.prefix / kGib));
  line("disk", fmt::format("{:.2f} GiB: the tuned model, the best validation epoch and the epochs kept",
                           static_cast<double>(2 + plan.kept_epochs.size()) * parameters * 4 / kGib));
  line("walltime",
       fmt::format(
           "about {} on {} rank{} like this one ({:.0f} GFLOP/s in a matrix product just now): warm-up "
           "{}, gradient {}, probes {}, line search {}, correctors {}, evaluations {}",
           format_duration(seconds.total()), ranks, ranks == 1 ? "" : "s", rate / 1e9,
           format_duration(seconds.warmup), format_duration(seconds.gradient),
           format_duration(seconds.probes), format_duration(seconds.line_search),
           format_duration(seconds.corrector), format_duration(seconds.evaluate)));
  return text;
}

}  // namespace lift
