#include "jobs/run_plan.hpp"

#include <fmt/format.h>

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
               .kept_epochs = options.integers("warmup.keep"),
               .search = search_options(options),
               .lambda = options.real("warmup.lambda"),
               .micro_batch = static_cast<int>(options.count("micro-batch")),
               .precision = scalar_type(options)};
  check_length(plan.corpus.length, config);
  return plan;
}

}  // namespace lift
