#include "jobs/run_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jobs/corpus_inputs.hpp"
#include "jobs/method_choice.hpp"
#include "jobs/option_choice.hpp"
#include "jobs/search_plan.hpp"
#include "mpi/error.hpp"
#include "src/model/checkpoint.hpp"

namespace lift {
namespace {

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

/// A rival has none of its stages, and no direction that needs a product.
void leave_out_search(RunPlan& plan) {
  plan.search.rounds = 0;
  plan.search.direction = DirectionKind::sign;
  plan.search.recovery.interpolate = false;
  plan.search.recovery.corrector.epochs = 0;
  plan.search.corrector.steps = plan.search.corrector.epochs = 0;
  plan.search.tune_rate = false;
  plan.watched_steps = 0;
}

}  // namespace

std::vector<std::string> idle_without_groups(const Options& options, const TunedLayout& layout) {
  if (layout.p() > 0) return {};
  std::string given;
  for (const char* name : {"regularizer", "warmup.lambda", "search.lambda", "lp.lambda", "lp.lambda-scale",
                           "search.hypergradient", "curvature.damping"}) {
    if (find_option(options.job(), name) != nullptr && options.chosen(name))
      given += fmt::format("{}--{}", given.empty() ? "" : ", ", name);
  }
  if (given.empty()) return {};
  return {"without effect where no group is regularised: " + given};
}

std::filesystem::path RunPlan::kept_file(int round) const {
  if (search.rounds == 1) return keep;
  std::filesystem::path name = keep;
  return name.replace_filename(
      fmt::format("{}-{}{}", keep.stem().string(), round + 1, keep.extension().string()));
}

void check_start(const RunPlan& plan) {
  if (plan.start.empty() || inspect_checkpoint(plan.start) == plan.config) return;
  throw Error(
      ExitCode::usage,
      fmt::format("--start {}: its config.json describes another model than --model's", plan.start.string()));
}

RunPlan plan_run(const Options& options) {
  const std::filesystem::path model = options.path("model");
  const Gpt2Config config = inspect_checkpoint(model);
  RunPlan plan{.model = model,
               .out = options.path("out"),
               .preset = options.text("preset"),
               .start = options.path("start"),
               .keep = options.path("search.keep"),
               .config = config,
               .layout = TunedLayout(config, tuning_spec(options, config)),
               .corpus = {.splits = corpus_options(options),
                          .search_sequences = options.optional_count("search.sequences"),
                          .valid = options.path("valid-data"),
                          .ood = options.path("ood")},
               .warmup = warmup_options(options),
               .kept_epochs = options.integers("warmup.keep"),
               .search = search_options(options),
               .method = method_options(options),
               .lambda = options.real("warmup.lambda"),
               .around_pretrained = options.text("regularizer") == "l2-sp",
               .search_lambda = options.optional_real("search.lambda"),
               .holdout = options.real("search.holdout"),
               .watched_steps = static_cast<int>(options.count("search.watch")),
               .micro_batch = static_cast<int>(options.count("micro-batch")),
               .activations = activations(options),
               .precision = scalar_type(options),
               .save_type = chosen<at::ScalarType>(
                   options, "save.dtype", {{"f32", at::kFloat}, {"f16", at::kHalf}, {"bf16", at::kBFloat16}}),
               .checkpoints = checkpoint_plan(options)};
  const CurvatureOptions curvature = curvature_options(options);
  if (plan.is_rival()) leave_out_search(plan);
  if (options.text("curvature.report") == "on" && !plan.is_rival()) plan.curvature = curvature;
  plan.notes = idle_without_groups(options, plan.layout);
  check_length(plan.corpus.splits.length, config);
  check_start(plan);
  check_method(plan.method, plan.layout);
  if (plan.curvature) check_budget(plan.layout, *plan.curvature);
  return plan;
}

}  // namespace lift
