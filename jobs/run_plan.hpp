#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "jobs/checkpoint_plan.hpp"
#include "jobs/corpus_inputs.hpp"
#include "jobs/options.hpp"
#include "src/methods/method.hpp"
#include "src/model/tuning.hpp"
#include "src/search/curvature_report.hpp"
#include "src/search/hyperlocal.hpp"
#include "src/text/corpus.hpp"
#include "src/training/warmup.hpp"

namespace lift {

/// What `lift run` will do, from the options and the model's configuration alone.
struct RunPlan {
  std::filesystem::path model;       ///< --model
  std::filesystem::path out;         ///< --out
  std::string preset = {};           ///< --preset, "" for none
  std::filesystem::path start = {};  ///< --start, empty: --model
  std::filesystem::path keep;        ///< --search.keep, empty: not kept
  Gpt2Config config;
  TunedLayout layout;
  CorpusRequest corpus;
  WarmupOptions warmup;
  std::vector<int> kept_epochs = {};  ///< --warmup.keep
  SearchOptions search;               ///< of a rival: without a stage of its own
  MethodOptions method = {};          ///< --method; its steps may follow from the corpus (method_for)
  std::optional<CurvatureOptions> curvature = {};  ///< --curvature.report, or of `lift curvature`
  double lambda = 0;                               ///< λ of every group at the start
  bool around_pretrained = false;                  ///< l2-sp: c is the pretrained weights, not 0
  std::optional<double> search_lambda = {};        ///< λ of every group as the search starts
  double holdout = 0;                              ///< --search.holdout
  int watched_steps = 9;                           ///< --search.watch
  int micro_batch = 1;
  Activations activations = Activations::keep;  ///< --recompute
  at::ScalarType precision = at::kFloat;
  at::ScalarType save_type = at::kFloat;  ///< --save.dtype
  CheckpointPlan checkpoints = {};
  std::vector<std::string> notes = {};  ///< what of the options has no effect on this model, a line each

  /// Where --search.keep puts the instance of a round: of several rounds, round K in NAME-K.
  [[nodiscard]] std::filesystem::path kept_file(int round) const;
  /// Whether the sequences that choose are those that are evaluated: a selection loss is the validation loss.
  [[nodiscard]] bool selects_on_valid() const noexcept { return holdout == 0 && !corpus.searches_apart(); }
  /// How the products of a curvature report are made: of the Hessian, whatever stands in for it in the rows.
  [[nodiscard]] ProductOptions report_products() const {
    return search.products.stands_in() ? ProductOptions() : search.products;
  }
  /// Whether anything refers to the weights of --model once W has left them.
  [[nodiscard]] bool needs_pretrained() const noexcept {
    return around_pretrained || search.recovery.interpolate || search.direction == DirectionKind::wise ||
           lift::needs_pretrained(method);
  }
  [[nodiscard]] bool is_rival() const noexcept { return method.method != Method::lift; }
};

/// Reads every option of `lift run` and the header of its model.
///
/// Throws  Error(usage) where options contradict the model: a block out of range, a length beyond its
///         positions; Error(input) where the model's folder is not whole.
/// Test    tests/jobs/test_run_job.cpp
RunPlan plan_run(const Options& options);

/// A line for a reader: options of λ that were chosen where there is no group to have one.
[[nodiscard]] std::vector<std::string> idle_without_groups(const Options& options, const TunedLayout& layout);

/// Throws Error(usage) if --start is a checkpoint of another shape than --model; Error(input) if it is not
/// whole.
void check_start(const RunPlan& plan);

}  // namespace lift
