#include "jobs/run_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "jobs/lp_job.hpp"
#include "jobs/method_record.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "mpi/nccl.hpp"
#include "src/report/process_memory.hpp"
#include "src/search/holdout.hpp"

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
          .products = report.products,
          .q_residual = report.q_residual,
          .z_residual = report.z_residual,
          .g_dw = report.g_dw,
          .raises = report.raises,
          .agreement = report.agreement,
          .radius_ratio = report.radius_ratio};
}

ModelResult model_result(const StepModel& model, const LineSearchSummary& line) {
  ModelResult result{.slope = model.slope,
                     .curvature = model.curvature,
                     .predicted = model.change(line.t_star),
                     .actual = line.loss - line.losses.front().second};
  result.ratio = decrease_ratio(model, line.t_star, result.actual);
  result.minimiser = model.minimiser();
  return result;
}

ProbeCurvatureResult probe_curvature_result(const RestrictedForm& found) {
  return {.vectors = found.vectors,
          .ritz_min = found.ritz_values.front(),
          .ritz_max = found.ritz_values.back(),
          .asymmetry = found.asymmetry,
          .noise = found.noise,
          .negative_found = found.inertia.negative,
          .ritz_values = found.ritz_values};
}

RoundResult round_result(const RoundSummary& summary) {
  RoundResult entry{.t_star = summary.line.t_star,
                    .lambda_before = summary.lambda_before,
                    .lambda_after = summary.lambda_after,
                    .lp = summary.lp ? std::optional(lp_result(*summary.lp)) : std::nullopt,
                    .line_search = summary.line.losses,
                    .curves = summary.curves,
                    .stationarity = summary.stationarity};
  if (summary.implicit) entry.implicit = implicit_result(*summary.implicit);
  if (summary.model) entry.model = model_result(*summary.model, summary.line);
  if (summary.curvature) entry.probe_curvature = probe_curvature_result(*summary.curvature);
  return entry;
}

/// The test loss at the step taken, where the curve over t has it.
std::optional<double> test_loss_at_step(const RoundSummary& summary) {
  const auto curve = summary.curves.find("test");
  if (curve == summary.curves.end()) return std::nullopt;
  const auto taken = std::ranges::find(curve->second, summary.line.t_star, &std::pair<double, double>::first);
  return taken == curve->second.end() ? std::nullopt : std::optional(taken->second);
}

/// What a list over ranks has for this one; of other numbers of ranks, rank 0 takes what is left over.
double part_of_rank(const std::vector<double>& values, const Communicator& comm) {
  const auto rank = static_cast<std::size_t>(comm.rank());
  double part = rank < values.size() ? values[rank] : 0.0;
  for (auto k = static_cast<std::size_t>(comm.size()); comm.is_root() && k < values.size(); ++k)
    part += values[k];
  return part;
}

/// The same of what does not add up: the largest.
double largest_of_rank(const std::vector<double>& values, const Communicator& comm) {
  const auto rank = static_cast<std::size_t>(comm.rank());
  double largest = rank < values.size() ? values[rank] : 0.0;
  for (auto k = static_cast<std::size_t>(comm.size()); comm.is_root() && k < values.size(); ++k)
    largest = std::max(largest, values[k]);
  return largest;
}

}  // namespace

std::string reproducibility(const Binding& binding, bool deterministic, int ranks, DeviceRoute route) {
  if (binding.device < 0)
    return fmt::format("same bits with {} ranks of {} threads, these libraries and this processor", ranks,
                       binding.threads);
  if (!deterministic)
    return "not to the bit: kernels of the accelerator may add in any order (--deterministic)";
  const std::string where = fmt::format("{} ranks, each on one {}", ranks, binding.name);
  if (ranks > 2 && route == DeviceRoute::nccl)
    return fmt::format("same bits but for NCCL's sums over {}, of which NCCL promises none", where);
  return fmt::format("same bits with {}, and these libraries", where);
}

RunRecord::RunRecord(JobContext& context, const RunPlan& plan, const Corpus& corpus,
                     const Objective& objective, RunOutput& output, Checkpoints& checkpoints)
    : context_(context),
      plan_(plan),
      corpus_(corpus),
      objective_(objective),
      output_(output),
      meter_(objective),
      losses_(objective, corpus, output.progress(), timers_, context.comm, &checkpoints) {
  describe_run();
}

void RunRecord::describe_run() {
  result_.start = plan_.start.string();
  result_.method.name = to_string(plan_.method.method);
  result_.n = plan_.layout.n();
  result_.p = plan_.layout.p();
  result_.m = plan_.search.rows();
  result_.search_sequences = plan_.corpus.searches_apart() ? corpus_.search.size() : 0;
  result_.selection_sequences = held_out(corpus_.search.size(), plan_.holdout);
  result_.ranks = context_.comm.size();
  result_.threads = context_.binding().threads;
  result_.device = context_.binding().name;
  result_.seed = plan_.search.seed;
}

void RunRecord::add_epoch() {
  const ShardMap shares(corpus_.test.size(), context_.comm.size());
  meter_.leave_out(static_cast<double>(shares.size(context_.comm.rank())));
}

void RunRecord::add_early_stopping(const WarmupSummary& summary) {
  const WarmupEpoch& best = summary.epochs.at(summary.best_epoch);
  result_.early_stopping = EarlyStopping{.epoch = summary.best_epoch,
                                         .valid = SplitLoss{best.valid, corpus_.valid.size()},
                                         .test = SplitLoss{best.test, corpus_.test.size()}};
}

void RunRecord::add_before() {
  losses_.know_valid(result_.epochs.back().valid);
  losses_.know_test(result_.epochs.back().test);
  result_.before = losses_.all();
}

void RunRecord::add_self_check(const SelfCheck& check) {
  result_.self_check = SelfCheckResult{check.symmetry,         check.symmetry_limit,  check.difference,
                                       check.difference_limit, check.difference_step, check.passed};
  const std::string found = fmt::format(
      "second derivatives: symmetry {:.1e} (limit {:.1e}), against central differences {:.1e} (limit "
      "{:.1e})",
      check.symmetry, check.symmetry_limit, check.difference, check.difference_limit);
  if (check.passed) {
    context_.log.info(found);
  } else {
    warn(found + ": the Hessian-vector products of this run are not to be trusted");
  }
}

void RunRecord::add_curvature(const CurvatureReport& report) {
  output_.progress().finish();
  result_.curvature = curvature_result(report, *plan_.curvature);
  tell_curvature(*result_.curvature, context_.log);
}

void RunRecord::add_stage(const StageSummary& stage) {
  output_.progress().finish();
  context_.log.info(stage.message);
  steps_done_ += stage.evaluated;
  StageResult entry{
      .name = stage.name, .t = stage.t, .selection = stage.selection, .line_search = stage.losses};
  // A corrector that diverged left nothing to evaluate.
  if (std::isfinite(stage.selection)) {
    if (plan_.selects_on_valid()) losses_.know_valid(stage.selection);
    entry.valid = meter_.left_out([this] { return losses_.valid(); });
    entry.test = meter_.left_out([this] { return losses_.test(); });
  }
  result_.stages.push_back(std::move(entry));
}

/// What every rank knows is said once.
void RunRecord::warn(const std::string& line) const {
  if (context_.comm.is_root()) context_.log.warn(line);
}

/// How the solve ended that made the direction, or that only tells of one that a program made.
void RunRecord::tell_implicit(const ImplicitReport& implicit, bool of_a_program) const {
  if (implicit.failed)
    return warn(implicit.message +
                (of_a_program ? "; the hypergradient is not known" : "; the round takes no step"));
  context_.log.info(implicit.message);
  if (implicit.agreement)
    context_.log.info(fmt::format("dlambda goes against the hypergradient in {:.0f} % of the groups",
                                  100 * *implicit.agreement));
  if (!implicit.radius_ratio) return;
  const std::string ratio = fmt::format("the radius of dW is {:.3g} times the way that W would follow lambda",
                                        *implicit.radius_ratio);
  if (*implicit.radius_ratio < 1) return warn(ratio + ": dlambda is immaterial in so small a region");
  context_.log.info(ratio);
}

void RunRecord::tell_model(const ModelResult& model) const {
  const std::string best =
      model.minimiser ? fmt::format("least at t = {:.4g}", *model.minimiser) : "without a least value";
  const std::string ratio = model.ratio ? fmt::format(", ratio {:.3f}", *model.ratio) : "";
  context_.log.info(
      fmt::format("quadratic model along d: slope {:.4g}, curvature {:.4g}, {}; at t* it "
                  "predicts {:+.4g} nats/token, {:+.4g} came of it{}",
                  model.slope, model.curvature, best, model.predicted, model.actual, ratio));
}

void RunRecord::add_round(int round, const RoundSummary& summary) {
  const RoundResult entry = round_result(summary);
  output_.progress().finish();
  output_.add_round(round, entry);
  if (summary.curvature) context_.log.info("H22 by its probes: " + summary.curvature->message);
  if (summary.lp && summary.lp->answered) context_.log.info(summary.lp->message);
  if (summary.lp && !summary.lp->answered) {
    warn(summary.lp->message + "; its direction is used as it is");
    if (unanswered_.empty()) unanswered_ = fmt::format("round {}: {}", round + 1, summary.lp->message);
  }
  if (summary.implicit) tell_implicit(*summary.implicit, summary.lp.has_value());
  if (entry.model) tell_model(*entry.model);
  if (summary.lambda_is_inert) {
    warn(fmt::format(
        "round {} cannot move lambda: {}", round + 1,
        "it is 0, or W is where its regulariser pulls it (H21 = 0), as with l2-sp before any training"));
  }
  if (const auto loss = test_loss_at_step(summary); loss && std::isfinite(*loss)) losses_.know_test(*loss);
  meter_.leave_out(forward_units(summary.watched));
  probes_done_ += summary.probes_done;
  result_.rounds.push_back(entry);
}

void RunRecord::add_method(const MethodSummary& summary) {
  result_.kept_stage = summary.kept;
  result_.method = method_result(plan_.method.method, summary);
  if (!summary.flatness) return;
  meter_.leave_out(summary.reported_units);
  output_.progress().finish();
  if (summary.flatness->pairs == 0) return warn(summary.flatness->message);
  context_.log.info(summary.flatness->message);
}

void RunRecord::check_programs() const {
  if (unanswered_.empty()) return;
  throw AgreedError(ExitCode::numerical, fmt::format("{}; its direction was used, and {} holds the whole run",
                                                     unanswered_, plan_.out.string()));
}

void RunRecord::save(Section& section) {
  meter_.settle();
  timers_.settle();
  losses_.save(section);
  RunResult result = result_;
  result.warmup_units = result.search_units = 0;
  result.timeline = timeline();
  section.put_text("result", to_json(result));
  section.put_text("unanswered", unanswered_);
  section.put("seconds", seconds_so_far());
  const WorkCount& work = objective_.work();
  const Communicator& comm = context_.comm;
  const auto put = [&](const char* name, double value) { section.put(name, gather_values(value, comm)); };
  put("loss_sequences", static_cast<double>(work.loss_sequences));
  put("gradient_sequences", static_cast<double>(work.gradient_sequences));
  put("hvp_sequences", static_cast<double>(work.hvp_sequences));
  put("prefix_sequences", static_cast<double>(work.prefix_sequences));
  put("probes", static_cast<double>(probes_done_));
  put("steps", static_cast<double>(steps_done_));
  put("memory", static_cast<double>(std::max(earlier_memory_, peak_memory_bytes())));
  put("left_out", meter_.left_out_so_far());
  put("warmup_units", result_.warmup_units);
  put("search_units", result_.search_units);
  for (const PhaseTime& phase : timers_.summary(comm))
    put(("seconds of " + phase.name).c_str(), timers_.seconds(phase.name));
}

void RunRecord::resume(const Section& section) {
  result_ = parse_result(section.text("result"), "result of a checkpoint");
  describe_run();
  unanswered_ = section.text("unanswered");
  earlier_seconds_ = section.number("seconds");
  const auto mine = [&](const std::string& name) {
    return part_of_rank(section.numbers(name), context_.comm);
  };
  const auto whole = [&](const char* name) { return static_cast<std::int64_t>(mine(name)); };
  objective_.count({.loss_sequences = whole("loss_sequences"),
                    .gradient_sequences = whole("gradient_sequences"),
                    .hvp_sequences = whole("hvp_sequences"),
                    .prefix_sequences = whole("prefix_sequences")});
  probes_done_ = whole("probes");
  steps_done_ = whole("steps");
  const auto largest = [&](const std::string& name) {
    return largest_of_rank(section.numbers(name), context_.comm);
  };
  earlier_memory_ = static_cast<std::int64_t>(largest("memory"));
  meter_.resume(mine("left_out"));
  result_.warmup_units = mine("warmup_units");
  result_.search_units = mine("search_units");
  const std::string prefix = "seconds of ";
  for (const auto& [name, unused] : section.tensors()) {
    if (name.starts_with(prefix)) timers_.add(name.substr(prefix.size()), largest(name));
  }
  losses_.resume(section);
}

const RunResult& RunRecord::finish(std::span<const double> lambda) {
  result_.lambda_after.assign(lambda.begin(), lambda.end());
  result_.timeline = timeline();
  add_seconds();
  add_work();
  for (double* units : {&result_.warmup_units, &result_.search_units})
    *units = sum_over_ranks(*units, context_.comm);
  result_.reproducibility = reproducibility(context_.binding(), context_.options.flag("deterministic"),
                                            context_.comm.size(), route());
  return result_;
}

/// How device memory went over the ranks: asked of NCCL only where it was used, for asking sets it up.
DeviceRoute RunRecord::route() const {
  const bool devices =
      std::ranges::all_of(context_.bindings, [](const Binding& binding) { return binding.device >= 0; });
  return devices && context_.comm.size() > 1 ? settled_route(context_.comm) : DeviceRoute::host;
}

std::vector<PhaseSpan> RunRecord::timeline() const {
  std::string mine;  // a line a span: when, how long, which
  for (const TimedSpan& span : timers_.spans())
    mine += fmt::format("{} {} {}\n", span.begin, span.seconds, span.name);
  std::vector<PhaseSpan> all = result_.timeline;
  const auto ranks = gather_texts(mine, context_.comm);
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    std::istringstream lines(ranks[rank]);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      PhaseSpan span{.rank = static_cast<int>(rank), .phase = {}};
      words >> span.begin >> span.seconds >> std::ws;
      std::getline(words, span.phase);
      span.begin += earlier_seconds_;
      all.push_back(std::move(span));
    }
  }
  return all;
}

double RunRecord::seconds_so_far() const {
  return earlier_seconds_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

void RunRecord::add_seconds() {
  timers_.add("total", seconds_so_far());
  for (const PhaseTime& phase : timers_.summary(context_.comm)) {
    result_.seconds[phase.name] = phase.max;
    context_.log.detail(fmt::format("seconds of {}: {:.2f} least, {:.2f} mean, {:.2f} most over the ranks",
                                    phase.name, phase.min, phase.mean, phase.max));
  }
}

void RunRecord::add_work() {
  const WorkCount& work = objective_.work();
  const auto column = [&](std::int64_t value) { return gather_values(value, context_.comm); };
  const auto gradients = column(work.gradient_sequences), hvps = column(probes_done_),
             hvp_sequences = column(work.hvp_sequences), sequences = column(work.loss_sequences),
             prefix = column(work.prefix_sequences), steps = column(steps_done_),
             memory = column(std::max(earlier_memory_, peak_memory_bytes()));
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

}  // namespace lift
