#include "jobs/run_job.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "jobs/corpus_inputs.hpp"
#include "jobs/lp_job.hpp"
#include "jobs/output_file.hpp"
#include "jobs/run_description.hpp"
#include "jobs/run_output.hpp"
#include "jobs/run_plan.hpp"
#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/model/checkpoint.hpp"
#include "src/objective/distributed.hpp"
#include "src/objective/sequence_cost.hpp"
#include "src/report/process_memory.hpp"
#include "src/search/holdout.hpp"
#include "src/search/round.hpp"

namespace lift {
namespace {

ImplicitResult implicit_result(const ImplicitReport& report) {
  return {.status = report.status,
          .mu = report.mu,
          .theta_min = report.theta_min,
          .theta_max = report.theta_max,
          .gamma = report.gamma,
          .predicted = report.predicted,
          .certificate = report.certificate,
          .products = report.products};
}

/// Whether anything refers to the weights of --model once W has left them.
bool needs_pretrained(const RunPlan& plan) {
  return plan.around_pretrained || plan.search.recovery.interpolate ||
         plan.search.direction == DirectionKind::wise;
}

/// Rows of each round's linear program.
int rows_of(const SearchOptions& search) {
  if (search.direction != DirectionKind::lp) return 0;
  return search.probe_kind == ProbeKind::adjoint ? 1 : search.probes;
}

/// One run of Algorithm 1, step by step; every member is collective on context.comm.
class Run {
 public:
  Run(JobContext& context, const RunPlan& plan, Gpt2 model, const Corpus& corpus, const Holdout& parts,
      RunOutput& output)
      : context_(context),
        plan_(plan),
        corpus_(corpus),
        parts_(parts),
        output_(output),
        model_(std::move(model)),
        tuned_(model_, plan.layout),
        objective_(model_, tuned_, plan.micro_batch, plan.activations),
        pretrained_(needs_pretrained(plan) ? tuned_.flat().clone() : at::Tensor()),
        regularizer_(plan.layout, plan.around_pretrained ? pretrained_ : at::Tensor()),
        lambda_(plan.layout.p(), plan.lambda) {
    result_.n = plan.layout.n();
    result_.p = plan.layout.p();
    result_.m = rows_of(plan.search);
    result_.ranks = context.comm.size();
    result_.threads = context.binding().threads;
    result_.device = context.binding().name;
    result_.seed = plan.search.seed;
  }

  void warm_up() {
    const auto time = timers_.measure("warmup");
    WarmupObserver observer = output_.warmup_observer(result_);
    observer.on_epoch = [this, tell = std::move(observer.on_epoch)](const WarmupEpoch& epoch) {
      tell(epoch);
      // The test split is for the report alone.
      const ShardMap shares(corpus_.test.size(), context_.comm.size());
      reported_units_ += static_cast<double>(shares.size(context_.comm.rank()));
      if (std::ranges::count(plan_.kept_epochs, epoch.epoch) > 0)
        output_.write_model(fmt::format("checkpoints/epoch-{}", epoch.epoch), model_);
    };
    const Metered meter(*this, result_.warmup_units);
    keeping_last_good([&] {
      keep_best_epoch(lift::warm_up(objective_, regularizer_, lambda_, corpus_.train, corpus_.valid,
                                    corpus_.test, plan_.warmup, observer, context_.comm));
    });
    output_.progress().finish();
  }

  /// The warm-up's last epoch has evaluated W0 on valid and test already.
  void evaluate_before() {
    const auto time = timers_.measure("evaluate");
    const EpochLosses& last = result_.epochs.back();
    result_.before = {.train = mean_train(),
                      .valid = SplitLoss{last.valid, corpus_.valid.size()},
                      .test = SplitLoss{last.test, corpus_.test.size()}};
  }

  void search() {
    SearchState state{objective_,    regularizer_, corpus_.train,     parts_.shaping, lambda_,
                      context_.comm, timers_,      &parts_.selection, pretrained_};
    SearchObserver observer = output_.search_observer(tuned_);
    observer.watched_steps = plan_.watched_steps;
    observer.on_stage = [this](const StageSummary& stage) { add_stage(stage); };
    const SequenceSet train = corpus_.train.first(corpus_.valid.size());
    observer.watched = {{"train", &train}, {"test", &corpus_.test}};
    observer.on_round = [this](int round, const RoundSummary& summary) { add_round(round, summary); };
    keeping_last_good([&] { check_derivatives(state); });
    const Metered meter(*this, result_.search_units);
    keeping_last_good([&] {
      set_search_lambda(state);
      result_.kept_stage = hyperlocal_search(state, search_options(), observer).kept;
    });
  }

  /// Puts W where --start says; --model stays what the pretrained weights are.
  void start_from(const std::filesystem::path& folder) {
    const Gpt2 start = load_checkpoint(folder, plan_.precision, context_.device, context_.comm);
    agree(context_.comm, [&] {
      for (const TensorSpec& spec : tensor_specs(plan_.config)) copy_or_compare(spec.name, start, folder);
    });
  }

  /// Rounds W to what a float32 file holds, writes it, and evaluates that.
  void save() {
    at::Tensor flat = tuned_.flat();
    flat.copy_(flat.to(at::kFloat));
    output_.write_model("model", model_);
    result_.after = evaluate();
  }

  RunResult finish(double total_seconds) {
    timers_.add("total", total_seconds);
    for (const PhaseTime& phase : timers_.summary(context_.comm)) {
      result_.seconds[phase.name] = phase.max;
      context_.log.detail(fmt::format("seconds of {}: {:.2f} least, {:.2f} mean, {:.2f} most over the ranks",
                                      phase.name, phase.min, phase.mean, phase.max));
    }
    result_.lambda_after = lambda_;
    gather_work();
    for (double* units : {&result_.warmup_units, &result_.search_units})
      *units = sum_over_ranks(*units, context_.comm);
    result_.reproducibility =
        context_.device.is_cpu()
            ? fmt::format("same bits with {} ranks of {} threads, these libraries and this processor",
                          result_.ranks, result_.threads)
            : "not to the bit: kernels of the accelerator may add in any order";
    return result_;
  }

 private:
  /// Adds what this rank does while it lives to `units`, but for what is only reported.
  class Metered {
   public:
    Metered(Run& run, double& units) : run_(run), units_(units), start_(run.units_so_far()) {}
    ~Metered() { units_ += run_.units_so_far() - start_; }
    Metered(const Metered&) = delete;
    Metered& operator=(const Metered&) = delete;

   private:
    Run& run_;
    double& units_;
    double start_;
  };
  [[nodiscard]] double units_so_far() const { return forward_units(objective_.work()) - reported_units_; }
  /// Runs what nothing is chosen by.
  template <typename Report>
  void unmetered(const Report& report) {
    const double before = forward_units(objective_.work());
    report();
    reported_units_ += forward_units(objective_.work()) - before;
  }

  /// Runs a phase that leaves the last good W behind where a number is not finite, and writes that.
  template <typename Phase>
  void keeping_last_good(const Phase& phase) {
    try {
      phase();
    } catch (const AgreedError& error) {
      if (error.code() == ExitCode::numerical) output_.write_model("checkpoints/last-good", model_);
      throw;
    }
  }

  /// A tuned tensor is taken from `start`; a frozen one must be the model's.
  void copy_or_compare(const std::string& name, const Gpt2& start, const std::filesystem::path& folder) {
    const auto& tensors = plan_.layout.tensors();
    const auto tuned = std::ranges::find(tensors, name, &TunedTensor::name);
    if (tuned != tensors.end()) {
      at::Tensor flat = tuned_.flat();
      tuned_.view(flat, static_cast<std::size_t>(tuned - tensors.begin())).copy_(start.tensor(name));
    } else if (!start.tensor(name).equal(model_.tensor(name))) {
      throw Error(ExitCode::usage,
                  fmt::format("--start {}: {} differs from --model's, expected the same values "
                              "in all tensors that are not tuned",
                              folder.string(), name));
    }
  }

  /// What λ the search starts from.
  void set_search_lambda(const SearchState& state) {
    if (plan_.search_lambda) {
      lambda_.assign(lambda_.size(), *plan_.search_lambda);
    } else if (plan_.around_pretrained) {
      lambda_ = balanced_lambda(state, plan_.search);
    } else {
      return;
    }
    context_.log.info(fmt::format("lambda at the start of the search: {:.3g}", fmt::join(lambda_, ", ")));
  }

  /// In linear space dλ is bounded by λ itself unless --lp.lambda-scale says otherwise.
  SearchOptions search_options() const {
    SearchOptions search = plan_.search;
    if (plan_.scale_of_lambda && !lambda_.empty())
      search.radius.lambda_scale = *std::ranges::max_element(lambda_);
    return search;
  }

  void add_stage(const StageSummary& stage) {
    output_.progress().finish();
    context_.log.info(stage.message);
    StageResult entry{
        .name = stage.name, .t = stage.t, .selection = stage.selection, .line_search = stage.losses};
    // A corrector that diverged left nothing to evaluate.
    if (std::isfinite(stage.selection)) evaluate_stage(entry);
    result_.stages.push_back(std::move(entry));
  }

  void evaluate_stage(StageResult& entry) {
    unmetered([&] {
      const auto time = timers_.measure("evaluate");
      entry.valid = plan_.holdout == 0 ? SplitLoss{entry.selection, corpus_.valid.size()}
                                       : mean(corpus_.valid, "valid");
      entry.test = mean(corpus_.test, "test");
    });
  }

  SplitLoss mean(const SequenceSet& set, const char* split) {
    const std::string phase = fmt::format("evaluate {}", split);
    const auto show = [&](std::int64_t done, std::int64_t total) {
      output_.progress().update(phase, done, total);
    };
    const double loss = mean_loss(objective_, set, first_sequences(set.size()), context_.comm, show);
    output_.progress().finish(fmt::format("perplexity {:.2f}", std::exp(loss)));
    return {loss, set.size()};
  }

  SplitLoss mean_train() { return mean(corpus_.train.first(corpus_.valid.size()), "train"); }

  Evaluation evaluate() {
    const auto time = timers_.measure("evaluate");
    return {.train = mean_train(), .valid = mean(corpus_.valid, "valid"), .test = mean(corpus_.test, "test")};
  }

  /// The early-stopping row of the table is a model one can have.
  void keep_best_epoch(const WarmupSummary& summary) {
    const WarmupEpoch& best = summary.epochs.at(summary.best_epoch);
    result_.early_stopping = EarlyStopping{.epoch = summary.best_epoch,
                                           .valid = SplitLoss{best.valid, corpus_.valid.size()},
                                           .test = SplitLoss{best.test, corpus_.test.size()}};
    at::Tensor flat = tuned_.flat();
    const at::Tensor last = flat.clone();
    flat.copy_(summary.best_weights);
    output_.write_model("checkpoints/best", model_);
    flat.copy_(last);
  }

  void check_derivatives(const SearchState& state) {
    const SelfCheck check = check_second_derivatives(state, plan_.search);
    result_.self_check = SelfCheckResult{check.symmetry,         check.symmetry_limit,  check.difference,
                                         check.difference_limit, check.difference_step, check.passed};
    const std::string found = fmt::format(
        "second derivatives: symmetry {:.1e} (limit {:.1e}), against central differences {:.1e} (limit "
        "{:.1e})",
        check.symmetry, check.symmetry_limit, check.difference, check.difference_limit);
    if (check.passed) {
      context_.log.info(found);
    } else {
      context_.log.warn(found + ": the Hessian-vector products of this run are not to be trusted");
    }
  }

  void add_round(int round, const RoundSummary& summary) {
    RoundResult entry{.t_star = summary.line.t_star,
                      .lambda_before = summary.lambda_before,
                      .lambda_after = summary.lambda_after,
                      .lp = summary.lp ? std::optional(lp_result(*summary.lp)) : std::nullopt,
                      .line_search = summary.line.losses,
                      .curves = summary.curves,
                      .stationarity = summary.stationarity};
    if (summary.implicit) entry.implicit = implicit_result(*summary.implicit);
    output_.progress().finish();
    output_.add_round(round, entry);
    if (summary.lp && summary.lp->answered) context_.log.info(summary.lp->message);
    if (summary.lp && !summary.lp->answered)
      context_.log.warn(summary.lp->message + "; its direction is used as it is");
    if (summary.implicit) context_.log.info(summary.implicit->message);
    result_.rounds.push_back(std::move(entry));
    reported_units_ += forward_units(summary.watched);
    probes_done_ += summary.probes_done;
    steps_done_ += summary.line.evaluated;
  }

  void gather_work() {
    const WorkCount& work = objective_.work();
    const auto column = [&](std::int64_t value) { return gather_values(value, context_.comm); };
    const auto gradients = column(work.gradient_sequences), hvps = column(probes_done_),
               hvp_sequences = column(work.hvp_sequences), sequences = column(work.loss_sequences),
               prefix = column(work.prefix_sequences), steps = column(steps_done_),
               memory = column(peak_memory_bytes());
    for (int rank = 0; rank < context_.comm.size(); ++rank) {
      result_.work.push_back({.rank = rank,
                              .gradients = gradients[rank],
                              .hvps = hvps[rank],
                              .hvp_sequences = hvp_sequences[rank],
                              .sequences = sequences[rank],
                              .prefix_sequences = prefix[rank],
                              .line_search_steps = steps[rank],
                              .peak_memory_bytes = memory[rank]});
    }
  }

  JobContext& context_;
  const RunPlan& plan_;
  const Corpus& corpus_;
  const Holdout& parts_;  ///< of corpus_.valid
  RunOutput& output_;
  Gpt2 model_;
  TunedParameters tuned_;
  Objective objective_;
  at::Tensor pretrained_;  ///< the tuned weights of --model
  Regularizer regularizer_;
  std::vector<double> lambda_;
  PhaseTimers timers_;
  RunResult result_;
  double reported_units_ = 0;  ///< of this rank, spent on what nothing is chosen by
  std::int64_t probes_done_ = 0;
  std::int64_t steps_done_ = 0;
};

Holdout parts_of(const SequenceSet& valid, double holdout) {
  return holdout == 0 ? Holdout{valid, valid} : split_holdout(valid, holdout);
}

/// --search.keep is written after hours: what would stop it is found now. The run's own folder will be there.
void check_kept_file(const RunPlan& plan) {
  if (plan.keep.empty() || plan.keep.parent_path() == plan.out) return;
  check_output_file(plan.keep, "search.keep");
}

}  // namespace

void run_job(JobContext& context) {
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::optional<RunPlan> plan;
  agree(context.comm, [&] {
    plan.emplace(plan_run(context.options));
    if (context.comm.is_root()) check_kept_file(*plan);
  });
  RunOutput output(context, *plan);
  check_splits(plan->corpus, {Split::train, Split::valid, Split::test}, context.comm);
  Gpt2 model = load_checkpoint(plan->model, plan->precision, context.device, context.comm);
  const Corpus corpus = load_corpus(plan->model, plan->config, plan->corpus, context);
  std::optional<Holdout> parts;
  agree(context.comm, [&] { parts = parts_of(corpus.valid, plan->holdout); });
  if (context.options.flag("dry-run")) {
    context.log.block(context.options.as_table());
    const double rate = matrix_product_rate(
        plan->config, std::int64_t{plan->micro_batch} * plan->corpus.length, plan->precision, context.device);
    context.log.block(describe(*plan, {corpus.train.size(), corpus.valid.size(), corpus.test.size()},
                               context.comm.size(), rate));
    return;
  }
  Run run(context, *plan, std::move(model), corpus, *parts, output);
  if (!plan->start.empty()) run.start_from(plan->start);
  output.open();
  run.warm_up();
  run.evaluate_before();
  run.search();
  run.save();
  const RunResult result = run.finish(seconds());
  output.close(result);
  write_answer(context, to_json(result));
}

}  // namespace lift
