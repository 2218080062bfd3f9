#include "jobs/run_cost.hpp"

#include <algorithm>

#include "jobs/method_choice.hpp"
#include "src/objective/sequence_cost.hpp"
#include "src/search/curvature.hpp"
#include "src/search/holdout.hpp"
#include "src/search/hyperlocal.hpp"
#include "src/search/recovery.hpp"

namespace lift {
namespace {

/// Candidates that the line search tries below, above and beside its grid, about.
constexpr int kRefinements = 4;
/// Passes over A of a box LP by mehrotra, and the time of as many that preprocessing takes with some 16 rows
/// (results/lp: 6 to 13, 22 with 64 rows), those of a program of two sets and of the others, and the
/// bytes a second that a rank reads in one (gpt2-small: 66 passes of 1.48 GiB in 13.8 s; bench_lp: 101 of
/// 0.18 GiB in 1.48 s).
constexpr double kWholeSweeps = 66, kReducedSweeps = 10, kSplitSweeps = 9, kClosedSweeps = 6,
                 kSweepRate = 7.6e9;
/// Vectors that a pass reads beside the rows.
constexpr double kSweepVectors = 8;
/// Bytes a second of loading, hashing and writing (the same run: 2 GB in some 15 s).
constexpr double kFileRate = 1.3e8;

/// Rows that the rate of bfloat16 is measured with: a processor that does not multiply it needs seconds for
/// more.
constexpr std::int64_t kRowsOfHalfTypes = 256;

std::int64_t ceil_div(std::int64_t total, std::int64_t parts) {
  return (total + parts - 1) / parts;
}

/// Without a group there is no hypergradient to be solved for.
std::int64_t implicit_products(const RunPlan& plan) {
  return plan.layout.p() == 0 ? 0 : plan.search.max_products;
}

std::int64_t products_of(const RunPlan& plan) {
  const SearchOptions& search = plan.search;
  if (solves_implicitly(search)) return implicit_products(plan);
  return search.products.kind == ProductKind::identity ? 0 : search.rows();
}

/// The most tasks × sequences that a group of ranks does, as ProcessGrid deals them.
struct Share {
  std::int64_t tasks = 0;
  std::int64_t sequences = 0;
  [[nodiscard]] double all() const { return static_cast<double>(tasks * sequences); }
};

Share share(std::int64_t tasks, std::int64_t groups, std::int64_t sequences, int ranks) {
  const std::int64_t used = std::min<std::int64_t>(ranks, groups);
  return {.tasks = ceil_div(tasks, used), .sequences = ceil_div(sequences, ranks / used)};
}

/// Operations of the busiest rank, phase by phase.
class Operations {
 public:
  Operations(const RunPlan& plan, const CorpusSize& size, int ranks)
      : plan_(plan),
        search_(plan.search),
        size_(size),
        ranks_(ranks),
        counts_(count_run(plan, size)),
        one_(sequence_cost(plan.config, plan.layout, plan.corpus.splits.length, plan.precision,
                           plan.activations)),
        loss_(one_.prefix + one_.loss),
        gradient_(one_.prefix + one_.gradient) {}

  [[nodiscard]] double warmup_steps() const {
    return static_cast<double>(counts_.steps) * each(plan_.warmup.batch) * gradient_;
  }
  [[nodiscard]] double warmup_evaluations() const {
    return (plan_.warmup.epochs + 1.0) * each(counts_.evaluated) * loss_;
  }
  /// Two gradients, and two products with a graph each.
  [[nodiscard]] double self_check() const {
    if (plan_.is_rival()) return 0;
    return each(search_.batch) * (4 * gradient_ + 2 * one_.hvp);
  }
  [[nodiscard]] double curvature() const {
    return one_by_one(counts_.reported, plan_.report_products().kind);
  }
  [[nodiscard]] double gradient() const {
    const bool balances = plan_.around_pretrained && !plan_.search_lambda;
    return search_.rounds * (each(counts_.gradient) + each(counts_.hessian)) * gradient_ +
           (balances ? each(counts_.hessian) * gradient_ : 0);
  }
  /// Random probes are dealt over the ranks; those that follow from each other are made by all of them.
  [[nodiscard]] double probes() const {
    const bool dealt = search_.direction == DirectionKind::lp && search_.probe_kind == ProbeKind::random;
    const double operations = one_by_one(counts_.checking, search_.products.kind);
    if (!dealt) return search_.rounds * (operations + one_by_one(counts_.products, search_.products.kind));
    if (counts_.products == 0) return search_.rounds * operations;
    const Share mine = share(counts_.products, counts_.products, counts_.hessian, ranks_);
    const auto sequences = static_cast<double>(mine.sequences), tasks = static_cast<double>(mine.tasks);
    const auto graphs = static_cast<double>(ceil_div(mine.tasks, kProbesPerGraph));
    return search_.rounds * (operations + sequences * products(graphs, tasks, search_.products.kind));
  }
  /// The loss at t = 0 is known, but for that of other sequences than valid's at the start.
  [[nodiscard]] double line_search() const {
    const bool grid = search_.line_kind == LineKind::grid;
    const double product = search_.measures_model()
                               ? each(model_sequences(search_, counts_.gradient)) * (gradient_ + one_.hvp)
                               : 0;
    return search_.rounds *
               (product + along(search_.line.steps - 1 + (grid ? kRefinements : 0), counts_.selection)) +
           (plan_.selects_on_valid() ? 0 : each(counts_.selection) * loss_);
  }
  [[nodiscard]] double corrector_steps() const {
    return static_cast<double>(counts_.corrector_steps) * each(search_.batch) * gradient_;
  }
  /// Evaluations after correctors, and the interpolation before the first.
  [[nodiscard]] double corrector_evaluations() const {
    return static_cast<double>(counts_.correctors) * each(counts_.selection) * loss_ +
           (search_.recovery.interpolate ? along(kInterpolationSteps - 1, counts_.selection) : 0);
  }
  /// A unit is a forward pass.
  [[nodiscard]] double method() const {
    if (!plan_.is_rival()) return 0;
    const MethodPlan planned = method_plan(plan_, size_);
    return (planned.units + planned.reported) / ranks_ * loss_;
  }
  /// train before and after, another corpus at the best epoch too; valid and test where a stage left W and no
  /// other loss tells them.
  [[nodiscard]] double evaluate() const {
    const std::int64_t train = std::min(size_.train, size_.valid);
    const double others = static_cast<double>(counts_.correctors) + (search_.recovery.interpolate ? 1 : 0);
    const double valid = plan_.selects_on_valid() ? 0 : search_.rounds + others;
    const double test = others + (plan_.watched_steps > 0 ? 0 : search_.rounds);
    const bool several = search_.rounds + others > 1;
    return (2 * each(train) + 3 * each(size_.ood) + valid * each(size_.valid) + test * each(size_.test) +
            (several ? each(counts_.evaluated) : 0)) *
               loss_ +
           search_.rounds * (along(plan_.watched_steps, train) + along(plan_.watched_steps, size_.test));
  }

 private:
  /// Products of one sequence, `count` in all, on so many graphs where they are exact.
  [[nodiscard]] double products(double graphs, double count, ProductKind kind) const {
    switch (kind) {
      case ProductKind::identity:
        return 0;
      case ProductKind::forward:
        return count * gradient_;
      case ProductKind::central:
        return 2 * count * gradient_;
      case ProductKind::exact:
      case ProductKind::gauss_newton:
        break;
    }
    return graphs * gradient_ + count * one_.hvp;
  }
  /// Products that follow from each other.
  [[nodiscard]] double one_by_one(std::int64_t count, ProductKind kind) const {
    return each(counts_.hessian) * products(static_cast<double>(count), static_cast<double>(count), kind);
  }
  [[nodiscard]] double each(std::int64_t sequences) const {
    return static_cast<double>(ceil_div(sequences, ranks_));
  }
  /// Losses at `steps` values of t, the frozen blocks run once.
  [[nodiscard]] double along(std::int64_t steps, std::int64_t sequences) const {
    if (steps == 0) return 0;
    return share(steps, kLineSearchWave, sequences, ranks_).all() * one_.loss + each(sequences) * one_.prefix;
  }

  const RunPlan& plan_;
  const SearchOptions& search_;
  const CorpusSize& size_;
  int ranks_;
  RunCounts counts_;
  SequenceCost one_;
  double loss_, gradient_;
};

/// Bytes of one vector of p + n doubles, of a rank.
double shard_bytes(const RunPlan& plan, int ranks) {
  return 8.0 * static_cast<double>(plan.layout.p() + plan.layout.n()) / ranks;
}

double sweeps_of(const SearchOptions& search, std::int64_t coordinates) {
  if (search.trust_region == TrustRegion::two_balls || search.trust_region == TrustRegion::box_ball)
    return kSplitSweeps;
  if (search.trust_region != TrustRegion::box) return kClosedSweeps;
  const bool reduces =
      search.lp.method == LpMethod::preprocessing && coordinates >= search.lp.least_coordinates;
  return reduces ? kReducedSweeps : kWholeSweeps;
}

double program_seconds(const RunPlan& plan, int ranks) {
  const int rows = plan.search.rows();
  if (rows == 0) return 0;
  return plan.search.rounds * sweeps_of(plan.search, plan.layout.p() + plan.layout.n()) *
         (rows + kSweepVectors) * shard_bytes(plan, ranks) / kSweepRate;
}

/// Every vector of a Krylov basis is made orthogonal to those before it twice, in five passes each.
double basis_seconds(const RunPlan& plan, int ranks) {
  if (plan.search.rows() == 0 || plan.search.probe_kind != ProbeKind::krylov) return 0;
  const double pairs = 0.5 * plan.search.probes * plan.search.probes;
  return plan.search.rounds * 10 * pairs * shard_bytes(plan, ranks) / kSweepRate;
}

/// Two thirds of the steps of a report make a vector orthogonal to its basis, half full, twice, in two
/// passes.
double report_seconds(const RunPlan& plan, int ranks) {
  if (!plan.curvature) return 0;
  const double vectors =
      4.0 / 3 * lanczos_basis(*plan.curvature) * static_cast<double>(plan.curvature->max_products);
  return vectors * shard_bytes(plan, ranks) / kSweepRate;
}

/// Models are read to be loaded and to be hashed; two are written, and the epochs that are kept.
double file_seconds(const RunPlan& plan) {
  const double read = plan.start.empty() ? 2 : 4;
  return (read + 2 + static_cast<double>(plan.kept_epochs.size())) * parameters_of(plan.config) * 4 /
         kFileRate;
}

}  // namespace

bool solves_implicitly(const SearchOptions& search) {
  return search.direction == DirectionKind::exact || search.direction == DirectionKind::bilevel ||
         (search.direction == DirectionKind::lp && search.probe_kind == ProbeKind::adjoint);
}

double parameters_of(const Gpt2Config& config) {
  double parameters = 0;
  for (const TensorSpec& spec : tensor_specs(config)) parameters += static_cast<double>(spec.size());
  return parameters;
}

RunCounts count_run(const RunPlan& plan, const CorpusSize& size) {
  const SearchOptions& search = plan.search;
  const std::int64_t epoch = ceil_div(size.train, plan.warmup.batch);
  const std::int64_t held = held_out(size.search, plan.holdout), shaping = size.search - held;
  const std::int64_t first = search.recovery.corrector.total(epoch), between = search.corrector.total(epoch);
  const std::int64_t tried = search.tune_rate ? std::ssize(kRateFactors) : 0,
                     gaps = std::max(0, search.rounds - 1);
  return {.steps = epoch * plan.warmup.epochs,
          .gradient =
              search.batches == 0 ? shaping : std::min(shaping, std::int64_t{search.batches} * search.batch),
          .hessian = std::min(size.train, std::int64_t{search.hvp_batches} * search.batch),
          .evaluated = size.valid + size.test,
          .selection = held > 0 ? held : size.search,
          .products = products_of(plan),
          .reported = plan.curvature ? plan.curvature->max_products + plan.layout.p() : 0,
          .checking = search.hypergradient && !solves_implicitly(search) ? implicit_products(plan) : 0,
          .correctors = (first > 0 ? 1 : 0) + (between > 0 ? gaps : 0) + tried,
          .corrector_steps = first + between * gaps + tried * (between > 0 ? between : epoch)};
}

CorpusSize corpus_size(const Corpus& corpus) {
  return {.train = corpus.train.size(),
          .valid = corpus.valid.size(),
          .test = corpus.test.size(),
          .search = corpus.search.size(),
          .ood = corpus.ood.size()};
}

MethodOptions planned_method(const RunPlan& plan, const CorpusSize& size) {
  const std::int64_t epoch = ceil_div(size.train, plan.warmup.batch);
  return method_for(plan.method, epoch * plan.warmup.epochs, epoch);
}

MethodPlan method_plan(const RunPlan& plan, const CorpusSize& size) {
  const std::int64_t held = held_out(size.search, plan.holdout);
  return plan_method(planned_method(plan, size), {.selection = held > 0 ? held : size.search,
                                                  .tensors = std::ssize(plan.layout.tensors())});
}

void check_affordable(const RunPlan& plan, const CorpusSize& size) {
  if (plan.is_rival()) (void)method_plan(plan, size);
}

ComputeRates measure_rates(const RunPlan& plan, at::Device device) {
  const std::int64_t rows = std::int64_t{plan.micro_batch} * plan.corpus.splits.length;
  const auto rate = [&](std::int64_t of, at::ScalarType type) {
    return matrix_product_rate(plan.config, of, type, device);
  };
  const double model = rate(rows, plan.precision);
  ComputeRates rates{.model = model, .training = model, .device = device.type()};
  if (plan.warmup.precision == TrainingPrecision::bf16)
    rates.training = rate(device.is_cpu() ? std::min(rows, kRowsOfHalfTypes) : rows, at::kBFloat16);
  if (plan.warmup.precision == TrainingPrecision::tf32) {
    const Tf32Products products;
    rates.training = rate(rows, plan.precision);
  }
  return rates;
}

RunSeconds estimate_seconds(const RunPlan& plan, const CorpusSize& size, int ranks,
                            const ComputeRates& rates) {
  const double rate = rates.model;
  const Operations count(plan, size, ranks);
  return {.warmup = count.warmup_steps() / rates.training + count.warmup_evaluations() / rate,
          .self_check = count.self_check() / rate,
          .curvature = count.curvature() / rate + report_seconds(plan, ranks),
          .gradient = count.gradient() / rate,
          .probes = count.probes() / rate + basis_seconds(plan, ranks),
          .lp = program_seconds(plan, ranks),
          .line_search = count.line_search() / rate,
          .corrector = count.corrector_steps() / rates.training + count.corrector_evaluations() / rate,
          .method = count.method() / rates.training,
          .evaluate = count.evaluate() / rate,
          .files = file_seconds(plan)};
}

}  // namespace lift
