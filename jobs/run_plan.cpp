#include "jobs/run_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "jobs/corpus_inputs.hpp"
#include "mpi/error.hpp"
#include "src/model/checkpoint.hpp"

namespace lift {
namespace {

TuningSpec tuning_spec(const Options& options, const Gpt2Config& config) {
  TuningSpec spec{.blocks = options.integers("tune.blocks"),
                  .mlp_only = options.integers("tune.mlp-only"),
                  .regularizers = options.integer_map("tune.regularizers")};
  if (const auto first = options.optional_count("tune.first-blocks")) {
    if (*first > config.layers) {
      throw Error(ExitCode::usage,
                  fmt::format("--tune.first-blocks {}: the model has {} blocks", *first, config.layers));
    }
    for (int block = 0; block < *first; ++block) spec.blocks.push_back(block);
  }
  return spec;
}

WarmupOptions warmup_options(const Options& options) {
  const std::string schedule = options.text("warmup.schedule");
  return {.epochs = static_cast<int>(options.count("warmup.epochs")),
          .rate = options.real("warmup.lr"),
          .schedule = schedule == "cosine"   ? Schedule::cosine
                      : schedule == "linear" ? Schedule::linear
                                             : Schedule::constant,
          .clip = options.real("warmup.clip"),
          .batch = static_cast<int>(options.count("batch")),
          .seed = static_cast<std::uint64_t>(options.count("seed"))};
}

RadiusOptions radius_options(const Options& options) {
  RadiusOptions radius;
  radius.rho = options.real("lp.radius");
  radius.unit = options.text("lp.radius-unit") == "rms" ? RadiusUnit::rms : RadiusUnit::absolute;
  radius.space = options.text("lp.lambda") == "log" ? LambdaSpace::log : LambdaSpace::linear;
  if (radius.space == LambdaSpace::linear) radius.lambda_scale = options.real("warmup.lambda");
  if (const auto scale = options.optional_real("lp.lambda-scale")) radius.lambda_scale = *scale;
  return radius;
}

SearchOptions search_options(const Options& options) {
  SearchOptions search;
  search.probes = static_cast<int>(options.count("search.probes"));
  search.batches = static_cast<int>(options.count("search.batches"));
  search.hvp_batches = static_cast<int>(options.count("search.hvp-batches"));
  search.batch = static_cast<int>(options.count("batch"));
  search.rounds = static_cast<int>(options.count("search.rounds"));
  search.seed = static_cast<std::uint64_t>(options.count("seed"));
  search.radius = radius_options(options);
  search.lp.max_seconds = options.real("lp.time-limit");
  // Losses in float64 agree over rank counts to 1e-10, which a direction good to 1e-9 would spoil.
  if (scalar_type(options) == at::kDouble) search.lp.gap_tol = 1e-13;
  search.line.steps = static_cast<int>(options.count("search.steps"));
  search.line.max_step = options.real("search.max-step");
  return search;
}

}  // namespace

RunPlan plan_run(const Options& options) {
  const std::filesystem::path model = options.path("model");
  const Gpt2Config config = inspect_checkpoint(model);
  RunPlan plan{.model = model,
               .out = options.path("out"),
               .keep = options.path("search.keep"),
               .config = config,
               .layout = TunedLayout(config, tuning_spec(options, config)),
               .corpus = corpus_options(options),
               .warmup = warmup_options(options),
               .search = search_options(options),
               .lambda = options.real("warmup.lambda"),
               .micro_batch = static_cast<int>(options.count("micro-batch")),
               .precision = scalar_type(options)};
  check_length(plan.corpus.length, config);
  return plan;
}

std::string describe(const RunPlan& plan, const CorpusSize& size, int ranks) {
  const std::int64_t n = plan.layout.n();
  const std::int64_t coordinates = plan.layout.p() + n;
  const int m = plan.search.probes;
  const std::int64_t steps = (size.train + plan.warmup.batch - 1) / plan.warmup.batch * plan.warmup.epochs;
  const std::int64_t g =
      plan.search.batches == 0
          ? size.valid
          : std::min<std::int64_t>(size.valid, std::int64_t{plan.search.batches} * plan.search.batch);
  const std::int64_t h =
      std::min<std::int64_t>(size.train, std::int64_t{plan.search.hvp_batches} * plan.search.batch);
  const double value = plan.precision == at::kDouble ? 8 : 4;
  std::int64_t parameters = 0;
  for (const TensorSpec& spec : tensor_specs(plan.config)) parameters += spec.size();
  const double gib = 1024.0 * 1024.0 * 1024.0;
  const double model_bytes = double(parameters) * value;
  const double optimiser_bytes = 6.0 * double(n) * value;
  const double matrix_bytes = double(coordinates) / ranks * (m + 8) * 8 + 3.0 * double(n) * value;
  const double prefix_bytes = double(size.valid) * plan.corpus.length * plan.config.width * value;

  std::string text;
  const auto line = [&text](const std::string& name, const std::string& what) {
    text += fmt::format("  {:<22}{}\n", name, what);
  };
  line("tuned", fmt::format("n = {} of {} weights in {} tensors, p = {} regularisation groups", n, parameters,
                            plan.layout.tensors().size(), plan.layout.p()));
  line("sequences", fmt::format("{} train, {} valid, {} test, of {} tokens", size.train, size.valid,
                                size.test, plan.corpus.length));
  line("warm-up", fmt::format("{} steps of {} sequences, {} evaluations of valid and test", steps,
                              plan.warmup.batch, plan.warmup.epochs + 1));
  line("each of the rounds", fmt::format("{} of them", plan.search.rounds));
  line("  gradient", fmt::format("{} validation sequences", g));
  line("  probes", fmt::format("{} Hessian-vector products of {} training sequences, at most {} a rank", m, h,
                               (m + ranks - 1) / ranks));
  line("  linear program",
       fmt::format("{} rows, {} columns, {} nonzeros", m, coordinates, std::int64_t{m} * coordinates));
  line("  line search", fmt::format("{} steps, {} validation sequences each, refined by a few more",
                                    plan.search.line.steps, size.valid));
  line("memory of a rank",
       fmt::format("{:.2f} GiB: model {:.2f}, Adam and copies of W {:.2f}, the LP's shard {:.2f}; during the "
                   "line search {:.2f} more; activations come on top",
                   (model_bytes + optimiser_bytes + matrix_bytes) / gib, model_bytes / gib,
                   optimiser_bytes / gib, matrix_bytes / gib, prefix_bytes / gib));
  line("disk", fmt::format("{:.2f} GiB: the tuned model and the best validation epoch",
                           2.0 * double(parameters) * 4 / gib));
  return text;
}

}  // namespace lift
