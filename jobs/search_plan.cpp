#include "jobs/search_plan.hpp"

#include <fmt/format.h>

#include "jobs/corpus_inputs.hpp"
#include "jobs/lp_job.hpp"
#include "jobs/option_choice.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

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
  search.basis = static_cast<int>(options.count("search.basis"));
  if (options.text("search.curvature") == "absolute") search.inverse = DampedInverse::absolute;
  search.hypergradient = options.text("search.hypergradient") == "on";
  search.probes = static_cast<int>(options.count("search.probes"));
}

std::optional<LoraSpec> lora_spec(const Options& options) {
  const auto rank = options.optional_count("tune.lora");
  const auto alpha = options.optional_real("tune.lora-alpha");
  const auto targets = chosen<LoraTargets>(
      options, "tune.lora-targets",
      {{"all", LoraTargets::all}, {"attention", LoraTargets::attention}, {"mlp", LoraTargets::mlp}});
  if (!rank) return std::nullopt;
  return LoraSpec{.rank = static_cast<int>(*rank),
                  .alpha = alpha.value_or(static_cast<double>(*rank)),
                  .targets = targets};
}

}  // namespace

TuningSpec tuning_spec(const Options& options, const Gpt2Config& config) {
  TuningSpec spec{.blocks = options.integers("tune.blocks"),
                  .mlp_only = options.integers("tune.mlp-only"),
                  .regularizers = options.integer_map("tune.regularizers"),
                  .embedding_groups = options.optional_count("tune.embeddings"),
                  .lora = lora_spec(options)};
  if (const auto first = options.optional_count("tune.first-blocks")) {
    if (*first > config.layers) {
      throw Error(ExitCode::usage,
                  fmt::format("--tune.first-blocks {}: the model has {} blocks", *first, config.layers));
    }
    for (int block = 0; block < *first; ++block) spec.blocks.push_back(block);
  }
  return spec;
}

ProductOptions product_options(const Options& options) {
  ProductOptions products;
  products.kind = chosen<ProductKind>(
      options, "search.hvp",
      {{"exact", ProductKind::exact}, {"forward", ProductKind::forward}, {"central", ProductKind::central}});
  products.step = options.optional_real("search.fd-step").value_or(0);
  if (options.job() == Job::curvature) return products;
  const std::string curvature = options.text("search.curvature");
  if (curvature == "ggn") products.kind = ProductKind::gauss_newton;
  if (curvature == "identity") products.kind = ProductKind::identity;
  return products;
}

SearchOptions search_options(const Options& options) {
  SearchOptions search;
  search.direction = chosen<DirectionKind>(options, "direction",
                                           {{"lp", DirectionKind::lp},
                                            {"exact", DirectionKind::exact},
                                            {"bilevel", DirectionKind::bilevel},
                                            {"gradient", DirectionKind::gradient},
                                            {"sign", DirectionKind::sign},
                                            {"wise", DirectionKind::wise}});
  search.trust_region = chosen<TrustRegion>(options, "lp.trust-region",
                                            {{"box", TrustRegion::box},
                                             {"l2", TrustRegion::ball},
                                             {"two-balls", TrustRegion::two_balls},
                                             {"box-l2", TrustRegion::box_ball},
                                             {"none", TrustRegion::none}});
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
  search.ratio = options.text("search.ratio") == "on";
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

CurvatureOptions curvature_options(const Options& options) {
  CurvatureOptions curvature;
  curvature.max_products = options.count("curvature.max-hvps");
  curvature.basis = static_cast<int>(options.count("curvature.basis"));
  curvature.tol = options.real("curvature.tol");
  curvature.failure = options.real("curvature.failure");
  curvature.damping = options.optional_real("curvature.damping");
  curvature.density_vectors = static_cast<int>(options.count("curvature.density"));
  curvature.blocks = options.text("curvature.blocks") == "on";
  return curvature;
}

}  // namespace lift
