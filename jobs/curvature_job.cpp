#include "jobs/curvature_job.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <optional>

#include "jobs/corpus_inputs.hpp"
#include "jobs/curvature_record.hpp"
#include "jobs/run_description.hpp"
#include "jobs/search_plan.hpp"
#include "jobs/tuned_model.hpp"
#include "jobs/versions.hpp"
#include "mpi/agreement.hpp"
#include "mpi/fault.hpp"
#include "src/files/atomic_file.hpp"
#include "src/model/checkpoint.hpp"
#include "src/report/density_figure.hpp"
#include "src/report/figures.hpp"
#include "src/report/progress.hpp"
#include "src/report/provenance.hpp"
#include "src/report/run_folder.hpp"

namespace lift {
namespace {

/// A run that does nothing but begin its search.
RunPlan plan_curvature(const Options& options) {
  const std::filesystem::path model = options.path("model");
  const Gpt2Config config = inspect_checkpoint(model);
  RunPlan plan{.model = model,
               .out = options.path("out"),
               .start = options.path("start"),
               .keep = {},
               .config = config,
               .layout = TunedLayout(config, tuning_spec(options, config)),
               .corpus = corpus_options(options),
               .warmup = {},
               .search = {}};
  plan.search.products = product_options(options);
  plan.search.hvp_batches = static_cast<int>(options.count("search.hvp-batches"));
  plan.search.batch = static_cast<int>(options.count("batch"));
  plan.search.seed = static_cast<std::uint64_t>(options.count("seed"));
  plan.curvature = curvature_options(options);
  plan.lambda = options.real("warmup.lambda");
  plan.around_pretrained = options.text("regularizer") == "l2-sp";
  plan.search_lambda = options.optional_real("search.lambda");
  plan.micro_batch = static_cast<int>(options.count("micro-batch"));
  plan.activations = activations(options);
  plan.precision = scalar_type(options);
  check_length(plan.corpus.splits.length, plan.config);
  check_start(plan);
  check_budget(plan.layout, *plan.curvature);
  plan.notes = idle_without_groups(options, plan.layout);
  return plan;
}

/// The folder of the report; only rank 0 touches the disk.
class ReportFolder {
 public:
  ReportFolder(JobContext& context, const RunPlan& plan) : context_(context) {
    on_root([&] {
      folder_.emplace(plan.out);
      provenance_ = begin_provenance(context_.command_line, context_.bindings);
    });
  }
  /// Not before there is something to be written.
  void open(const RunPlan& plan) {
    on_root([&] {
      fault_point("open");
      provenance_.libraries.merge(library_versions());
      hash_folder(plan.model, provenance_);
      if (!plan.start.empty()) hash_folder(plan.start, provenance_);
      for (const auto& file : split_files(plan.corpus.splits.folder, Split::train).files)
        provenance_.inputs.push_back(hash_file(file));
      folder_->create();
      context_.log.open_file(folder_->log());
      write_file(folder_->config(), context_.options.as_config());
      write_file(folder_->provenance(), to_json(provenance_));
    });
  }
  void close(const CurvatureResult& result) {
    context_.log.gather_warnings(context_.comm);
    on_root([&] {
      fault_point("result");
      write_file(folder_->path() / "curvature.json", to_json(result));
      for (const auto& warning : draw_figures(std::array{density_figure(result)}, folder_->figures()))
        context_.log.warn(warning);
      provenance_.ended = utc_time(std::chrono::system_clock::now());
      write_file(folder_->provenance(), to_json(provenance_));
      context_.log.info(fmt::format("written to {}", folder_->path().string()));
      context_.log.check();
    });
  }

 private:
  template <typename Action>
  void on_root(const Action& action) const {
    agree(context_.comm, [&] {
      if (context_.comm.is_root()) action();
    });
  }
  JobContext& context_;
  std::optional<RunFolder> folder_;
  Provenance provenance_;
};

CurvatureReport measure(TunedModel& at, const SequenceSet& train, const RunPlan& plan, JobContext& context) {
  PhaseTimers timers;
  Progress progress(context.log);
  SearchObserver observer;
  observer.on_progress = [&](const char* phase, std::int64_t done, std::int64_t total) {
    progress.update(phase, done, total);
  };
  // No validation sequence is read.
  const SearchState state{at.objective, at.regularizer, train, train, at.lambda, context.comm, timers};
  at.set_search_lambda(state);
  CurvatureReport report = measure_curvature(state, plan.search, *plan.curvature, observer);
  progress.finish();
  return report;
}

}  // namespace

void curvature_job(JobContext& context) {
  std::optional<RunPlan> plan;
  agree(context.comm, [&] { plan.emplace(plan_curvature(context.options)); });
  for (const std::string& note : plan->notes) {
    if (context.comm.is_root()) context.log.warn(note);
  }
  ReportFolder folder(context, *plan);
  check_splits(plan->corpus.splits, {Split::train}, context.comm);
  CorpusOptions corpus = plan->corpus.splits;
  corpus.warn = [&context](const std::string& line) { context.log.warn(line); };
  Gpt2 model = load_checkpoint(plan->model, plan->precision, context.device, context.comm);
  Tokenizer tokenizer = load_tokenizer(plan->model, plan->config, context.comm);
  const SequenceSet train = load_split(corpus, Split::train, tokenizer, context.comm);
  if (context.options.flag("dry-run")) {
    context.log.block(context.options.as_table());
    context.log.block(
        describe_curvature(*plan, train.size(), context.comm.size(), measure_rates(*plan, context.device)));
    return;
  }
  TunedModel at(*plan, std::move(model));
  at.start_from_plan(context.device, context.comm);
  const CurvatureReport report = measure(at, train, *plan, context);
  folder.open(*plan);
  const CurvatureResult result = curvature_result(report, *plan->curvature);
  tell_curvature(result, context.log);
  write_negative_vector(plan->out / kVectorFile, report, at.tuned, context.comm);
  folder.close(result);
  write_answer(context, to_json(result));
}

}  // namespace lift
