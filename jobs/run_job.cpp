#include "jobs/run_job.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "jobs/corpus_inputs.hpp"
#include "jobs/last_good.hpp"
#include "jobs/output_file.hpp"
#include "jobs/run_description.hpp"
#include "jobs/run_output.hpp"
#include "jobs/run_plan.hpp"
#include "jobs/run_record.hpp"
#include "jobs/run_resume.hpp"
#include "jobs/tuned_model.hpp"
#include "mpi/agreement.hpp"
#include "mpi/fault.hpp"
#include "mpi/stop_signals.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/lora_pairs.hpp"
#include "src/model/stored_tensor.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/holdout.hpp"
#include "src/search/round.hpp"

namespace lift {
namespace {

/// What a run does one after the other; a whole number in a resume point.
enum class Phase { warmup, before, search, saving, done };

/// One run of Algorithm 1, step by step; every member is collective on context.comm.
class Run {
 public:
  Run(JobContext& context, const RunPlan& plan, Gpt2 model, const Corpus& corpus, const Holdout& parts,
      RunOutput& output, Checkpoints& checkpoints, RunLoan& loan)
      : context_(context),
        plan_(plan),
        corpus_(corpus),
        parts_(parts),
        output_(output),
        checkpoints_(checkpoints),
        loan_(loan),
        tuning_(plan, std::move(model)),
        record_(context, plan, corpus, tuning_.objective, output, checkpoints) {}

  /// Puts W and λ where the plan says, or where the run was left.
  void start() {
    const auto left = checkpoints_.take("run");
    if (!left) return tuning_.start_from_plan(context_.device, context_.comm);
    at::Tensor w = tuning_.tuned.flat();
    agree(context_.comm, [&] {
      left->load("w", w);
      tuning_.lambda = left->numbers("lambda");
      phase_ = static_cast<Phase>(left->count("phase"));
    });
    const auto record = checkpoints_.take("record");
    if (record) record_.resume(*record);
  }

  /// Every phase that is left to do, a checkpoint after each.
  void go_on() {
    const Checkpoints::Part run(checkpoints_, "run", [this](Section& section) { save_state(section); });
    const Checkpoints::Part record(checkpoints_, "record",
                                   [this](Section& section) { record_.save(section); });
    const Checkpoints::Part output(checkpoints_, "output",
                                   [this](Section& section) { output_.save(section); });
    while (phase_ != Phase::done) advance();
  }

  const RunResult& finish() { return record_.finish(tuning_.lambda); }
  void check_programs() const { record_.check_programs(); }

 private:
  void advance() {
    switch (phase_) {
      case Phase::warmup:
        warm_up();
        return next(Phase::before, "the warm-up is done");
      case Phase::before:
        look_around();
        return next(Phase::search, "the search is to begin");
      case Phase::search:
        search();
        return next(Phase::saving, "the search is done");
      case Phase::saving:
        save();
        phase_ = Phase::done;
        break;
      case Phase::done:
        break;
    }
  }

  void next(Phase phase, const char* where) {
    phase_ = phase;
    checkpoints_.stage_done([where] { return std::string(where); });
    if (const auto trouble = checkpoints_.memo_trouble(); !trouble.empty())
      context_.log.warn(fmt::format("results of a stage are no longer kept as they come: {}", trouble));
  }

  void save_state(Section& section) const {
    section.put("w", tuning_.tuned.flat());
    section.put("lambda", tuning_.lambda);
    section.put("phase", static_cast<double>(phase_));
  }

  void warm_up() {
    const WarmupSummary summary = train_epochs();
    output_.progress().finish();
    keeping_last_good([&] { keep_best_epoch(summary); });
  }

  WarmupSummary train_epochs() {
    const auto time = record_.timers().measure("warmup");
    WarmupObserver observer = output_.warmup_observer(record_.result());
    observer.on_step = [this, tell = std::move(observer.on_step)](const WarmupStep& step) {
      tell(step);
      ++loan_.warmup_steps;
    };
    observer.on_epoch = [this, tell = std::move(observer.on_epoch)](const WarmupEpoch& epoch) {
      tell(epoch);
      record_.add_epoch();
      if (std::ranges::count(plan_.kept_epochs, epoch.epoch) > 0)
        output_.write_model(fmt::format("checkpoints/epoch-{}", epoch.epoch), tuning_.model);
    };
    const WorkMeter::Scope metered(record_.meter(), record_.result().warmup_units);
    WarmupSummary summary;
    keeping_last_good([&] {
      summary =
          lift::warm_up(tuning_.objective, tuning_.regularizer, tuning_.lambda, corpus_.train, corpus_.valid,
                        corpus_.test, plan_.warmup, observer, context_.comm, &checkpoints_);
    });
    return summary;
  }

  /// What is told of W0 before the search, and λ as the search starts.
  void look_around() {
    checkpoints_.share();
    record_.add_before();
    const SearchState state = search_state();
    if (!plan_.is_rival()) {
      keeping_last_good([&] {
        const auto time = record_.timers().measure("self_check");
        record_.add_self_check(check_second_derivatives(state, plan_.search));
      });
    }
    const WorkMeter::Scope metered(record_.meter(), record_.result().search_units);
    keeping_last_good([&] { begin_search(state); });
  }

  void search() {
    if (!checkpoints_.left("search")) checkpoints_.share();
    const SearchState state = search_state();
    const WorkMeter::Scope metered(record_.meter(), record_.result().search_units);
    const SequenceSet train = corpus_.train.first(corpus_.valid.size());
    if (plan_.is_rival())
      return keeping_last_good([&] {
        record_.add_method(run_method(state, planned_method(plan_, corpus_size(corpus_)), observer(train)));
      });
    keeping_last_good(
        [&] { record_.result().kept_stage = hyperlocal_search(state, plan_.search, observer(train)).kept; });
  }

  /// Makes of the model what the file holds, merged and rounded, writes it, and evaluates that. Frozen
  /// tensors keep their values in a float32 file.
  void save() {
    if (plan_.save_type != at::kFloat) keeping_last_good([&] { check_type_of_file(); });
    agree(context_.comm, [] { fault_point("model"); });
    output_.write_adapter(tuning_.model);
    merge_pairs(tuning_.model);
    round_to_file();
    if (plan_.layout.lora() || plan_.save_type != at::kFloat)
      record_.losses().change_form(fmt::format("as saved in {}", to_string(stored_type(plan_.save_type))));
    output_.write_model("model", tuning_.model, plan_.save_type);
    record_.result().after = record_.losses().all();
  }

  SearchState search_state() {
    SearchState state{tuning_.objective, tuning_.regularizer, corpus_.train,
                      parts_.shaping,    tuning_.lambda,      context_.comm,
                      record_.timers(),  &parts_.selection,   tuning_.pretrained};
    if (plan_.selects_on_valid()) state.start_loss = record_.result().before.valid->loss;
    state.checkpoints = &checkpoints_;
    return state;
  }

  template <typename Action>
  void keeping_last_good(const Action& phase) {
    const std::filesystem::path name = "checkpoints/last-good";
    lift::keeping_last_good(plan_.out / name, phase, [&] { output_.write_model(name, tuning_.model); });
  }

  /// A value beyond float16 is found while W is still what the search left.
  void check_type_of_file() {
    agree(context_.comm, [&] {
      for (const TensorSpec& spec : tensor_specs(plan_.config)) {
        const at::Tensor stored = merged_tensor(tuning_.model, spec.name).to(plan_.save_type);
        if (!at::isfinite(stored).all().item<bool>())
          throw Error(ExitCode::numerical,
                      fmt::format("--save.dtype: {} has values that the type cannot hold", spec.name));
      }
    });
  }

  void round_to_file() {
    for (const TensorSpec& spec : tensor_specs(plan_.config)) {
      const bool moved = std::ranges::count(plan_.layout.weights(), spec.name) > 0;
      if (!moved && plan_.save_type == at::kFloat) continue;
      at::Tensor values = tuning_.model.tensor(spec.name).detach();
      values.copy_(values.to(plan_.save_type));
    }
  }

  /// λ as the search starts, and on request the curvature there: a report, whose work is not the search's.
  void begin_search(const SearchState& state) {
    tuning_.set_search_lambda(state);
    if (plan_.search_lambda || plan_.around_pretrained)
      context_.log.info(
          fmt::format("lambda at the start of the search: {:.3g}", fmt::join(tuning_.lambda, ", ")));
    if (!plan_.curvature) return;
    SearchOptions of_hessian = plan_.search;
    of_hessian.products = plan_.report_products();
    try {
      const CurvatureReport found = record_.meter().left_out([&] {
        return measure_curvature(state, of_hessian, *plan_.curvature, output_.search_observer(tuning_.tuned));
      });
      record_.add_curvature(found);
      output_.write_curvature_vector(found, tuning_.tuned);
    } catch (const AgreedError& error) {  // a report ends no run
      if (error.code() != ExitCode::numerical && error.code() != ExitCode::write) throw;
      output_.progress().finish();
      if (context_.comm.is_root()) context_.log.warn(fmt::format("curvature report: {}", error.what()));
    }
  }

  /// Shows `train`, and test, along each d.
  SearchObserver observer(const SequenceSet& train) {
    SearchObserver observer = output_.search_observer(tuning_.tuned);
    observer.watched_steps = plan_.watched_steps;
    observer.watched = {{"train", &train}, {"test", &corpus_.test}};
    observer.on_stage = [this](const StageSummary& stage) { record_.add_stage(stage); };
    observer.on_round = [this](int round, const RoundSummary& summary) { record_.add_round(round, summary); };
    return observer;
  }

  /// The early-stopping row of the table is a model one can have.
  void keep_best_epoch(const WarmupSummary& summary) {
    record_.add_early_stopping(summary);
    at::Tensor flat = tuning_.tuned.flat();
    const at::Tensor last = flat.clone();
    flat.copy_(summary.best_weights);
    output_.write_model("checkpoints/best", tuning_.model);
    flat.copy_(last);
    record_.result().early_stopping->ood = record_.losses().ood_at(summary.best_weights);
  }

  JobContext& context_;
  const RunPlan& plan_;
  const Corpus& corpus_;
  const Holdout& parts_;  ///< of corpus_.search
  RunOutput& output_;
  Checkpoints& checkpoints_;
  RunLoan& loan_;
  TunedModel tuning_;
  RunRecord record_;
  Phase phase_ = Phase::warmup;
};

Holdout parts_of(const SequenceSet& valid, double holdout) {
  return holdout == 0 ? Holdout{valid, valid} : split_holdout(valid, holdout);
}

/// --search.keep is written after hours: what would stop it is found now. The run's own folder will be there.
void check_kept_file(const RunPlan& plan, const Options& options) {
  if (plan.keep.empty()) return;
  for (int round = 0; round < plan.search.rounds; ++round)
    check_spares_inputs(plan.kept_file(round), "search.keep", options);
  if (plan.keep.parent_path() == plan.out) return;
  check_output_file(plan.keep, "search.keep");
}

/// The plan of `context`'s options; where it stands is agreed on and said.
RunPlan checked_plan(JobContext& context) {
  std::optional<RunPlan> plan;
  agree(context.comm, [&] {
    plan.emplace(plan_run(context.options));
    if (context.comm.is_root()) check_kept_file(*plan, context.options);
  });
  for (const std::string& note : plan->notes) {
    if (context.comm.is_root()) context.log.warn(note);
  }
  return std::move(*plan);
}

void describe_run(const RunPlan& plan, const Corpus& corpus, JobContext& context) {
  context.log.block(context.options.as_table());
  context.log.block(
      describe(plan, corpus_size(corpus), context.comm.size(), measure_rates(plan, context.device)));
}

/// A run that begins or goes on, by itself or in a sweep.
void do_run(JobContext& context, const RunPlan& plan, RunOutput& output, RunLoan& loan) {
  check_files(plan.corpus, context.comm);
  Gpt2 model = load_checkpoint(plan.model, plan.precision, context.device, context.comm);
  const Corpus& corpus = loan.corpora.load(plan.model, plan.config, plan.corpus, context);
  std::optional<Holdout> parts;
  agree(context.comm, [&] { parts = parts_of(corpus.search, plan.holdout); });
  agree(context.comm, [&] { check_affordable(plan, corpus_size(corpus)); });
  if (context.options.flag("dry-run")) return describe_run(plan, corpus, context);
  Checkpoints checkpoints(checkpoint_options(plan, loan, output, context.comm), context.comm);
  take_up(checkpoints, plan, context);
  Run run(context, plan, std::move(model), corpus, *parts, output, checkpoints, loan);
  run.start();
  output.open(checkpoints.take("output"));
  run.go_on();
  const RunResult& result = run.finish();
  output.close(result);
  agree(context.comm, [] { fault_point("done"); });
  checkpoints.finish();
  loan.taken_over = checkpoints.taken_over();
  write_answer(context, to_json(result));
  run.check_programs();
}

}  // namespace

void run_job(JobContext& context) {
  const auto start = std::chrono::steady_clock::now();
  const RunPlan plan = checked_plan(context);
  RunOutput output(context, plan);
  if (plan.checkpoints.resume) output.check_configuration();
  if (plan.checkpoints.resume && !context.options.flag("dry-run") && output.done())
    return leave_done(plan, context);
  const StopSignals signals(plan.checkpoints.signals);
  Corpora corpora;
  RunLoan own{.signal = [&signals] { return signals.received(); },
              .began = start,
              .most_seconds = plan.checkpoints.most_seconds,
              .corpora = corpora};
  do_run(context, plan, output, own);
}

void run_in_sweep(JobContext& context, RunLoan& loan) {
  const RunPlan plan = checked_plan(context);
  RunOutput output(context, plan);
  output.check_configuration();
  if (output.done()) return leave_done(plan, context);
  do_run(context, plan, output, loan);
}

}  // namespace lift
