#include "jobs/sweep_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "jobs/checkpoint_plan.hpp"
#include "jobs/sweep_table.hpp"
#include "jobs/sweep_worker.hpp"
#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/files/atomic_file.hpp"

namespace lift {
namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw AgreedError(ExitCode::usage, message);
}

std::vector<std::string> names_of(const SweepPlan& plan) {
  std::vector<std::string> names;
  for (const SweepPoint& point : plan.points) names.push_back(point.name);
  return names;
}

/// Points of the folder that the file asks for no longer.
std::int64_t others_in(const SweepFolder& folder, const std::vector<std::string>& names) {
  std::error_code error;
  std::int64_t others = 0;
  for (std::filesystem::directory_iterator item(folder.path() / "points", error), end; !error && item != end;
       item.increment(error))
    others += std::ranges::count(names, item->path().filename().string()) == 0;
  return others;
}

/// Says how the points stand, and writes the answer. Returns the rows on rank 0.
std::vector<SweepRow> tell_state(const SweepFolder& folder, const std::vector<std::string>& names,
                                 JobContext& context) {
  std::vector<SweepRow> rows;
  agree(context.comm, [&] {
    if (!context.comm.is_root()) return;
    rows = read_rows(folder, names);
    context.log.block(to_text(sweep_table(rows)));
    context.log.info(state_sentence(states_of(rows)));
    if (const auto others = others_in(folder, names); others > 0)
      context.log.info(fmt::format("and {} in {} that the file no longer asks for", others,
                                   (folder.path() / "points").string()));
  });
  write_answer(context, context.comm.is_root() ? sweep_json(rows) : "");
  return rows;
}

int ranks_of_each(const JobContext& context) {
  const auto asked = context.options.optional_count("ranks-each");
  const int all = context.comm.size();
  if (!asked) return all;
  if (*asked > all || all % *asked != 0)
    refuse(
        fmt::format("--ranks-each {}: the {} rank{} of this program cannot be divided into groups of so many",
                    *asked, all, all == 1 ? "" : "s"));
  return static_cast<int>(*asked);
}

void refuse_invalid(const SweepPlan& plan) {
  const auto first =
      std::ranges::find_if(plan.points, [](const SweepPoint& point) { return !point.valid(); });
  refuse(fmt::format("{} of {} points are invalid, the first {}: {}", plan.invalid(), plan.points.size(),
                     first->name, first->trouble));
}

/// What a point's record is to be before anybody works on it, if it is to be another than it is.
std::optional<PointRecord> prepared(const SweepPoint& point, const PointRecord& record, bool retry) {
  const bool was_invalid = record.word == PointRecord::Word::invalid;
  const bool again = retry && record.word == PointRecord::Word::failed;
  if (point.valid() && !was_invalid && !again) return std::nullopt;
  if (!point.valid() && was_invalid && record.message == point.trouble) return std::nullopt;
  PointRecord now = record;
  now.word = !point.valid()      ? PointRecord::Word::invalid
             : record.starts > 0 ? PointRecord::Word::stopped
                                 : PointRecord::Word::none;
  now.code = static_cast<int>(point.code);
  now.message = point.trouble;
  now.deaths = 0;
  return now;
}

/// Writes down what is invalid, and sends back what failed where it is to be tried again.
void prepare(const SweepPlan& plan, const SweepFolder& folder, bool retry) {
  folder.create(plan.text);
  for (const SweepPoint& point : plan.points) {
    if (!prepared(point, folder.record(point.name), retry)) continue;
    const auto claim = folder.claim(point.name);
    if (!claim) continue;
    // It may have become another until it was claimed.
    if (const auto now = prepared(point, folder.record(point.name), retry)) folder.write(point.name, *now);
  }
}

/// Works on the sweep in groups of ranks; returns whether any of them was stopped.
bool work(const SweepCourse& course, int ranks_each, JobContext& context) {
  const Communicator group = context.comm.split(context.comm.rank() / ranks_each, context.comm.rank());
  SweepWorker worker(course, context, group);
  bool stopped = false;
  agree(context.comm, [&] { stopped = worker.work() == SweepWorker::End::stopped; });
  course.notice.settle();
  if (sum_over_ranks(worker.begun(), context.comm) == 0) context.resumed = true;
  return max_over_ranks(std::int64_t{stopped ? 1 : 0}, context.comm) > 0;
}

/// Makes the folder what this sweep goes on in.
void open_folder(const SweepFolder& folder, const SweepPlan& plan, int groups, JobContext& context) {
  agree(context.comm, [&] {
    if (!context.comm.is_root()) return;
    prepare(plan, folder, context.options.flag("retry"));
    if (folder.knows_locks()) return;
    const std::string trouble = fmt::format(
        "{}: its file system knows no locks, by which those who work on a sweep keep out of each other's way",
        folder.path().string());
    if (groups > 1) throw Error(ExitCode::input, trouble + "; expected one that does, or no --ranks-each");
    context.log.warn(trouble + ": start one program alone");
  });
}

/// Writes the table, unless another does so at this moment.
void write_table(const SweepFolder& folder, const std::vector<SweepRow>& rows) {
  const FileLock lock(folder.path() / "state" / ".table");
  if (lock.held()) write_file(folder.path() / "sweep.csv", to_csv(sweep_table(rows)));
}

/// The table, and the exit code of what became of the points.
void finish(const SweepFolder& folder, const SweepPlan& plan, bool stopped, JobContext& context) {
  const std::vector<SweepRow> rows = tell_state(folder, names_of(plan), context);
  agree(context.comm, [&] {
    if (!context.comm.is_root()) return;
    write_table(folder, rows);
    const std::vector<PointState> states = states_of(rows);
    const std::string sentence = state_sentence(states);
    const bool left = std::ranges::any_of(states, [](PointState state) {
      return state == PointState::pending || state == PointState::preempted;
    });
    if (stopped && left)
      throw Error(ExitCode::stopped, fmt::format("{}; the same command goes on", sentence));
    if (const ExitCode code = sweep_code(rows); code != ExitCode::done)
      throw Error(code, fmt::format("{}; lift sweep status {} says why", sentence, folder.path().string()));
  });
}

/// Throws Error(usage) if an option stands there that means nothing to a question.
void check_status_options(const Options& options) {
  if (options.words().size() < 2)
    refuse("lift sweep status needs the folder of a sweep: lift sweep status OUT");
  for (const OptionSpec& spec : option_table()) {
    if (!spec.belongs_to(Job::sweep) || !options.given(spec.name)) continue;
    if (spec.name == "json" || spec.name == "config") continue;
    refuse(fmt::format("lift sweep status takes no --{}: it only looks", spec.name));
  }
}

void check_words(const Options& options) {
  if (options.words().size() > 1)
    refuse(fmt::format("lift sweep takes one file; '{}' stands beside it", options.words()[1]));
  if (options.path("out").empty()) refuse("lift sweep needs --out: the folder of the sweep");
}

void status(JobContext& context) {
  check_status_options(context.options);
  const SweepFolder folder(context.options.words()[1]);
  std::vector<std::string> names;
  agree(context.comm, [&] {
    folder.require_sweep();
    names = points_of(folder);
  });
  tell_state(folder, names, context);
}

void run_sweep(JobContext& context) {
  const auto began = std::chrono::steady_clock::now();
  const Options& options = context.options;
  check_words(options);
  const SweepFolder folder(options.path("out"));
  const int ranks_each = ranks_of_each(context), groups = context.comm.size() / ranks_each;
  std::optional<StopSignals> signals;
  agree(context.comm, [&] {
    folder.check();
    signals.emplace(signals_of(options.text("stop-signals")));
  });
  const SweepPlan plan = plan_sweep(options.words().front(), folder.path(), ranks_each, context);
  if (options.flag("dry-run")) {
    context.log.block(describe(plan, groups, ranks_each, context.device));
    if (folder.begun() && context.comm.is_root())
      context.log.info(
          fmt::format("so far: {}", state_sentence(states_of(read_rows(folder, names_of(plan))))));
  }
  const std::int64_t bearable = options.flag("dry-run") ? 0 : std::ssize(plan.points) - 1;
  if (plan.invalid() > bearable) refuse_invalid(plan);
  if (options.flag("dry-run")) return;
  open_folder(folder, plan, groups, context);
  StopNotice notice(context.comm);
  SweepCourse course{.plan = plan,
                     .folder = folder,
                     .signals = *signals,
                     .notice = notice,
                     .began = began,
                     .seconds = {},
                     .groups = groups};
  if (const auto hours = options.optional_real("max-hours")) course.most_seconds = 3600 * *hours;
  course.seconds =
      estimate_points(plan, ranks_each, measure_rates(*plan.points[plan.order.front()].plan, context.device));
  const bool stopped = work(course, ranks_each, context);
  finish(folder, plan, stopped, context);
}

}  // namespace

void sweep_job(JobContext& context) {
  context.options.words().front() == "status" ? status(context) : run_sweep(context);
}

}  // namespace lift
