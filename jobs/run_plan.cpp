#include "jobs/run_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jobs/corpus_inputs.hpp"
#include "jobs/lp_job.hpp"
#include "mpi/error.hpp"
#include "src/model/checkpoint.hpp"

namespace lift {
namespace {

TuningSpec tuning_spec(const Options& options, const Gpt2Config& config) {
  TuningSpec spec{.blocks = options.integers("tune.blocks"),
                  .mlp_only = options.integers("tune.mlp-only"),
                  .regularizers = options.integer_map("tune.regularizers"),
                  .embedding_groups = options.optional_count("tune.embeddings")};
  if (const auto first = options.optional_count("tune.first-blocks")) {
    if (*first > config.layers) {
      throw Error(ExitCode::usage,
                  fmt::format("--tune.first-blocks {}: the model has {} blocks", *first, config.layers));
    }
    for (int block = 0; block < *first; ++block) spec.blocks.push_back(block);
  }
  return spec;
}

/// The value that the word of a choice stands for.
template <typename Value>
Value chosen(const Options& options, std::string_view name,
             std::initializer_list<std::pair<std::string_view, Value>> values) {
  const std::string word = options.text(name);
  return std::ranges::find(values, word, &std::pair<std::string_view, Value>::first)->second;
}

WarmupOptions warmup_options(const Options& options) {
  return {.epochs = static_cast<int>(options.count("warmup.epochs")),
          .rate = options.real("warmup.lr"),
          .schedule = chosen<Schedule>(
              options, "warmup.schedule",
              {{"constant", Schedule::constant}, {"cosine", Schedule::cosine}, {"linear", Schedule::linear}}),
          .clip = options.real("warmup.clip"),
          .batch = static_cast<int>(options.count("batch")),
          .seed = static_cast<std::uint64_t>(options.count("seed")),
          .precision = training_precision(options)};
}

RadiusOptions radius_options(const Options& options) {
  RadiusOptions radius;
  radius.rho = options.real("lp.radius");
  radius.unit = chosen<RadiusUnit>(
      options, "lp.radius-unit",
      {{"rms", RadiusUnit::rms}, {"absolute", RadiusUnit::absolute}, {"norm", RadiusUnit::norm}});
  radius.space = options.text("lp.lambda") == "log" ? LambdaSpace::log : LambdaSpace::linear;
  radius.lambda_scale = options.optional_real("lp.lambda-scale");
  return radius;
}

/// Of no steps yet.
CorrectorOptions corrector_options(const Options& options) {
  return {.rate = options.optional_real("search.corrector-lr").value_or(0.5 * options.real("warmup.lr")),
          .clip = options.real("warmup.clip"),
          .batch = static_cast<int>(options.count("batch")),
          .seed = static_cast<std::uint64_t>(options.count("seed")),
          .precision = training_precision(options)};
}

ProductOptions product_options(const Options& options) {
  ProductOptions products;
  products.kind = chosen<ProductKind>(
      options, "search.hvp",
      {{"exact", ProductKind::exact}, {"forward", ProductKind::forward}, {"central", ProductKind::central}});
  const std::string curvature = options.text("search.curvature");
  if (curvature == "ggn") products.kind = ProductKind::gauss_newton;
  if (curvature == "identity") products.kind = ProductKind::identity;
  products.step = options.optional_real("search.fd-step").value_or(0);
  return products;
}

/// What rows a round's program has, and how they are made.
void set_probes(const Options& options, SearchOptions& search) {
  search.probe_kind = chosen<ProbeKind>(
      options, "search.probe-kind",
      {{"random", ProbeKind::random}, {"krylov", ProbeKind::krylov}, {"adjoint", ProbeKind::adjoint}});
  search.probe_space =
      options.text("search.probe-space") == "joint" ? ProbeSpace::joint : ProbeSpace::weights;
  search.products = product_options(options);
  search.damping = options.optional_real("search.damping");
  search.solve_tol = options.real("search.solve-tol");
  search.max_products = static_cast<int>(options.count("search.max-hvps"));
  search.hypergradient = options.text("search.hypergradient") == "on";
  search.probes = static_cast<int>(options.count("search.probes"));
}

SearchOptions search_options(const Options& options) {
  SearchOptions search;
  search.direction = chosen<DirectionKind>(options, "direction",
                                           {{"lp", DirectionKind::lp},
                                            {"exact", DirectionKind::exact},
                                            {"gradient", DirectionKind::gradient},
                                            {"sign", DirectionKind::sign},
                                            {"wise", DirectionKind::wise}});
  search.trust_region = chosen<TrustRegion>(
      options, "lp.trust-region",
      {{"box", TrustRegion::box}, {"l2", TrustRegion::ball}, {"none", TrustRegion::none}});
  set_probes(options, search);
  search.min_gain = options.real("search.min-gain");
  search.recovery = {.interpolate = options.text("recover.interpolate") == "on",
                     .overshoot = options.real("recover.overshoot"),
                     .corrector = corrector_options(options)};
  search.recovery.corrector.epochs = static_cast<int>(options.count("recover.corrector-epochs"));
  search.corrector = corrector_options(options);
  const auto steps = options.count_or_word("search.corrector-steps");
  search.corrector.steps = steps.value_or(0);
  search.corrector.epochs = steps ? 0 : 1;
  search.tune_rate = options.text("tune.learning-rate") == "on";
  search.line_kind = options.text("search.line") == "model" ? LineKind::model : LineKind::grid;
  search.batches = static_cast<int>(options.count_or_word("search.batches").value_or(0));
  search.hvp_batches = static_cast<int>(options.count("search.hvp-batches"));
  search.batch = static_cast<int>(options.count("batch"));
  search.rounds = static_cast<int>(options.count("search.rounds"));
  search.seed = static_cast<std::uint64_t>(options.count("seed"));
  search.radius = radius_options(options);
  search.lp = box_lp_options(options);
  search.relax = options.real("lp.relax");
  // Losses in float64 agree over rank counts to 1e-10, which a direction good to 1e-9 would spoil.
  if (scalar_type(options) == at::kDouble) search.lp.gap_tol = 1e-13;
  search.line.steps = static_cast<int>(options.count("search.steps"));
  search.line.max_step = options.real("search.max-step");
  return search;
}

/// Options of λ where there is no group to have one.
std::vector<std::string> idle_without_groups(const Options& options, const TunedLayout& layout) {
  if (layout.p() > 0) return {};
  std::string given;
  for (const char* name : {"regularizer", "warmup.lambda", "search.lambda", "lp.lambda", "lp.lambda-scale",
                           "search.hypergradient"}) {
    if (options.chosen(name)) given += fmt::format("{}--{}", given.empty() ? "" : ", ", name);
  }
  if (given.empty()) return {};
  return {"without effect where no group is regularised: " + given};
}

}  // namespace

std::filesystem::path RunPlan::kept_file(int round) const {
  if (search.rounds == 1) return keep;
  std::filesystem::path name = keep;
  return name.replace_filename(
      fmt::format("{}-{}{}", keep.stem().string(), round + 1, keep.extension().string()));
}

RunPlan plan_run(const Options& options) {
  const std::filesystem::path model = options.path("model");
  const Gpt2Config config = inspect_checkpoint(model);
  RunPlan plan{
      .model = model,
      .out = options.path("out"),
      .preset = options.text("preset"),
      .start = options.path("start"),
      .keep = options.path("search.keep"),
      .config = config,
      .layout = TunedLayout(config, tuning_spec(options, config)),
      .corpus = corpus_options(options),
      .warmup = warmup_options(options),
      .kept_epochs = options.integers("warmup.keep"),
      .search = search_options(options),
      .lambda = options.real("warmup.lambda"),
      .around_pretrained = options.text("regularizer") == "l2-sp",
      .search_lambda = options.optional_real("search.lambda"),
      .search_sequences = options.optional_count("search.sequences"),
      .holdout = options.real("search.holdout"),
      .watched_steps = static_cast<int>(options.count("search.watch")),
      .micro_batch = static_cast<int>(options.count("micro-batch")),
      .activations = activations(options),
      .precision = scalar_type(options),
      .save_type = chosen<at::ScalarType>(
          options, "save.dtype", {{"f32", at::kFloat}, {"f16", at::kHalf}, {"bf16", at::kBFloat16}})};
  plan.notes = idle_without_groups(options, plan.layout);
  check_length(plan.corpus.length, config);
  if (!plan.start.empty() && !(inspect_checkpoint(plan.start) == config)) {
    throw Error(ExitCode::usage,
                fmt::format("--start {}: its config.json describes another model than --model's",
                            plan.start.string()));
  }
  return plan;
}

}  // namespace lift
