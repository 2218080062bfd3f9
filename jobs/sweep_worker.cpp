#include "jobs/sweep_worker.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <system_error>
#include <thread>

#include "jobs/sweep_table.hpp"
#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/report/format.hpp"
#include "src/report/line_prefix.hpp"
#include "src/report/provenance.hpp"

namespace lift {
namespace {

/// Ends without a word and without a newer checkpoint, one after the other, that are enough.
constexpr int kMostDeaths = 3;
/// Between two looks for work where others are on the way to it.
constexpr std::chrono::milliseconds kBetweenLooks{500};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string here(const JobContext& whole) {
  const char* job = std::getenv("SLURM_JOB_ID");
  return fmt::format("{}, process {}{}", whole.binding().host, ::getpid(),
                     job != nullptr ? fmt::format(", Slurm job {}", job) : "");
}

std::string now_utc() {
  return utc_time(std::chrono::system_clock::now());
}

/// A disk that is full is not the point's fault: it goes on another time.
PointRecord::Word word_for(ExitCode code) {
  if (code == ExitCode::stopped || code == ExitCode::write) return PointRecord::Word::stopped;
  return code == ExitCode::usage ? PointRecord::Word::invalid : PointRecord::Word::failed;
}

/// Runs `action` on a group of ranks. What one rank of several throws alone ends the whole program, as the
/// others of its group wait for it and will not learn of it.
template <typename Action>
auto end_together(const Communicator& group, const Communicator& whole, const Action& action) {
  try {
    return action();
  } catch (const AgreedError&) {
    throw;
  } catch (const std::exception& error) {
    if (group.size() > 1) end_with_error(whole, error);
    throw;
  }
}

}  // namespace

SweepWorker::SweepWorker(const SweepCourse& course, const JobContext& whole, const Communicator& group)
    : course_(course),
      whole_(whole),
      group_(group),
      console_(std::cout, std::cerr, false),
      log_(console_, group.rank()) {}

SweepWorker::End SweepWorker::work() {
  try {
    return end_together(group_, whole_.comm, [this] { return do_points(); });
  } catch (const AgreedError& error) {
    claim_.reset();  // whoever else works on the sweep must not wait for this
    log_.warn(error.what());
    throw;
  }
}

SweepWorker::End SweepWorker::do_points() {
  while (true) {
    const Task task = take_task();
    if (task.kind == Task::Kind::none) return End::nothing_left;
    if (task.kind == Task::Kind::stop) return End::stopped;
    do_point(course_.plan.points[task.point]);
    if (taken_.code == static_cast<int>(ExitCode::write)) throw AgreedError(ExitCode::write, taken_.message);
    if (taken_.word == PointRecord::Word::stopped) return End::stopped;
  }
}

/// What rank 0 finds is done by all.
SweepWorker::Task SweepWorker::take_task() {
  Task task;
  agree(group_, [&] {
    if (group_.is_root()) task = find_task();
  });
  const auto same = [&](std::int64_t value) { return gather_values(value, group_).front(); };
  task.kind = static_cast<Task::Kind>(same(static_cast<std::int64_t>(task.kind)));
  task.point = static_cast<std::size_t>(same(static_cast<std::int64_t>(task.point)));
  return task;
}

SweepWorker::Task SweepWorker::find_task() {
  const SweepPlan& plan = course_.plan;
  views_.resize(plan.order.size());
  while (!is_to_stop()) {
    for (std::size_t k = 0; k < views_.size(); ++k) look_at(plan.points[plan.order[k]], views_[k]);
    const Choice choice = next_point(views_);
    if (choice.kind == Choice::Kind::none) return {};
    if (choice.kind == Choice::Kind::run && take(plan.points[plan.order[choice.point]]))
      return {Task::Kind::run, plan.order[choice.point]};
    if (choice.kind == Choice::Kind::wait) std::this_thread::sleep_for(kBetweenLooks);
  }
  return {Task::Kind::stop, 0};
}

void SweepWorker::look_at(const SweepPoint& point, PointView& view) const {
  if (!point.valid()) view.state = PointState::invalid;
  if (view.state == PointState::done || view.state == PointState::invalid) return;  // for good
  view.state = course_.folder.state(point.name);
  view.warmup = point.warmup;
  view.epochs = point.epochs();
  if (view.state == PointState::done || view.state == PointState::failed) return;
  const std::string progress = progress_of(point);
  const PointRecord record = course_.folder.record(point.name);
  view.has_checkpoint = !progress.empty();
  if (view.has_checkpoint && record.warmup != point.warmup) view.warmup = "";  // begun on other ranks
  view.has_branch = !point.warmup.empty() && branches(point).has(point.epochs());
  const bool died = view.state == PointState::preempted && record.word == PointRecord::Word::begun;
  view.suspect = (died || record.deaths > 0) && progress == record.progress;
}

std::filesystem::path SweepWorker::memo_of(const SweepPoint& point) const {
  if (point.memo.empty()) return {};
  return course_.folder.shared(point.warmup) / ("memo-" + point.memo);
}

std::string SweepWorker::progress_of(const SweepPoint& point) const {
  return course_.folder.progress(point.name, memo_of(point));
}

/// Claims a point, unless another was faster; one that only ever dies is given up instead.
bool SweepWorker::take(const SweepPoint& point) {
  const std::string& name = point.name;
  claim_ = course_.folder.claim(name);
  if (!claim_) return false;
  const PointRecord found = course_.folder.record(name);
  using enum PointRecord::Word;
  if (found.word != none && found.word != begun && found.word != stopped) {
    claim_.reset();
    return false;
  }
  taken_ = found;
  const bool died = found.word == begun;
  taken_.deaths = died && progress_of(point) == found.progress ? found.deaths + 1 : 0;
  if (taken_.deaths < kMostDeaths) return true;
  taken_.word = failed;
  taken_.code = static_cast<int>(ExitCode::internal);
  taken_.message =
      fmt::format("its processes died {} times in a row without a newer checkpoint", kMostDeaths);
  taken_.ended = now_utc();
  course_.folder.write(name, taken_);
  log_.info(fmt::format("{} is FAILED: {}", name, taken_.message));
  claim_.reset();
  return false;
}

/// The signal that this rank or any other was stopped by; the others are told.
int SweepWorker::signal() const {
  if (const int own = course_.signals.received(); own != 0) course_.notice.give(own);
  return course_.notice.received();
}

bool SweepWorker::is_to_stop() const {
  return signal() != 0 ||
         (begun_ > 0 && course_.most_seconds && seconds_since(course_.began) > *course_.most_seconds);
}

/// Writes down that the point is under way, from where it goes on.
PointRecord SweepWorker::begin(const SweepPoint& point) {
  PointRecord record = taken_;
  agree(group_, [&] {
    if (!group_.is_root()) return;
    if (progress_of(point).empty()) {
      record.warmup = point.warmup;
      record.warmup_from = begin_warmup(point);
    }
    record.word = PointRecord::Word::begun;
    record.code = 0;
    record.message = "";
    record.progress = progress_of(point);
    record.began = now_utc();
    record.ended = "";
    record.where = here(whole_);
    record.ranks = group_.size();
    ++record.starts;
    course_.folder.write(point.name, record);
    log_.info(fmt::format("{} {}{}", point.name, record.starts == 1 ? "begins" : "goes on",
                          record.warmup_from.empty() ? "" : ", shares " + record.warmup_from));
  });
  broadcast(record.warmup, 0, group_);  // what all ranks decide by
  return record;
}

/// Takes up the warm-up where others have come to, of a point without a checkpoint; says where that is.
std::string SweepWorker::begin_warmup(const SweepPoint& point) {
  if (point.warmup.empty()) return "";
  const auto nearest = branches(point).nearest(point.epochs());
  if (!nearest) return "";
  try {
    return branches(point).seed(*nearest, course_.folder.run(point.name), point.plan->checkpoints.identity);
  } catch (const Error& error) {
    log_.warn(fmt::format("{}; the warm-up of {} begins anew", error.what(), point.name));
    if (error.code() == ExitCode::input) branches(point).drop(*nearest);
    return "";
  }
}

/// Whether another point could go on from where this one's warm-up ends.
bool SweepWorker::leads_on(const SweepPoint& point) const {
  if (point.warmup.empty()) return false;
  return std::ranges::any_of(course_.plan.points, [&](const SweepPoint& other) {
    return &other != &point && other.warmup == point.warmup && other.epochs() >= point.epochs();
  });
}

void SweepWorker::do_point(const SweepPoint& point) {
  const auto start = std::chrono::steady_clock::now();
  PointRecord record = begin(point);
  ++begun_;
  RunLoan loan{.signal = [this] { return signal(); },
               .began = course_.began,
               .most_seconds = course_.most_seconds,
               .corpora = corpora_,
               .go_on = "the same command goes on"};
  loan.shared_memo = memo_of(point);
  if (leads_on(point) && record.warmup == point.warmup)
    loan.on_branch = [&](ResumePoint left) { keep_branch(point, std::move(left)); };
  run(point, loan, record);
  const double seconds = seconds_since(start);
  record.warmup_steps += loan.warmup_steps;
  record.taken_over += loan.taken_over;
  record.seconds += seconds;
  record.deaths = 0;
  taken_ = record;
  agree(group_, [&] {
    if (!group_.is_root()) return;
    record.ended = now_utc();
    course_.folder.write(point.name, record);
    claim_.reset();
    drop_what_is_shared(point);
    tell_end(point, record, seconds);
  });
}

/// What others could go on from; without it they take these steps themselves.
void SweepWorker::keep_branch(const SweepPoint& point, ResumePoint left) {
  try {
    branches(point).publish(point.epochs(), std::move(left), course_.folder.run(point.name));
  } catch (const Error& error) {
    if (error.code() != ExitCode::write) throw;
    log_.warn(fmt::format("{}; the warm-up of {} is not shared", error.what(), point.name));
    branches(point).drop(point.epochs());
  }
}

/// One run, whose end, whatever it is, goes into the record: the same on every rank of the group.
void SweepWorker::run(const SweepPoint& point, RunLoan& loan, PointRecord& record) {
  record.word = PointRecord::Word::done;
  const auto ended = [&](ExitCode code, const std::string& message) {
    record.word = word_for(code);
    record.code = static_cast<int>(code);
    record.message = message;
  };
  LinePrefix out(std::cout, point.name + ": "), err(std::cerr, point.name + ": ");
  Console console(out, err, false);
  Log log(console, group_.rank());
  for (const std::string& note : point.options->notes()) {
    if (group_.is_root()) log.warn(note);
  }
  try {
    end_together(group_, whole_.comm, [&] {
      JobContext context = context_of_group(whole_, group_, *point.options, log);
      try {
        run_in_sweep(context, loan);
      } catch (const std::exception& error) {
        log.detail(fmt::format("ended: {}", error.what()));
        throw;
      }
    });
  } catch (const Error& error) {
    ended(error.code(), error.what());
  } catch (const std::exception& error) {
    ended(ExitCode::internal, error.what());
  }
}

/// Nothing that points share is needed once all of them are done.
void SweepWorker::drop_what_is_shared(const SweepPoint& point) const {
  if (point.warmup.empty()) return;
  for (const std::size_t k : course_.plan.members(point.warmup)) {
    if (course_.folder.state(course_.plan.points[k].name) != PointState::done) return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(course_.folder.shared(point.warmup), ignored);
}

void SweepWorker::tell_end(const SweepPoint& point, const PointRecord& record, double seconds) {
  const auto& points = course_.plan.points;
  std::vector<PointState> states;
  double left = 0;
  for (std::size_t k = 0; k < points.size(); ++k) {
    states.push_back(course_.folder.state(points[k].name));
    if (states[k] == PointState::pending || states[k] == PointState::preempted)
      left += course_.seconds[k].shared;
  }
  const auto own = static_cast<std::size_t>(&point - points.data());
  const std::string line =
      fmt::format("{} is {} after {}{}{}", point.name, to_string(states[own]), format_duration(seconds),
                  record.message.empty() ? "" : ": ", record.message);
  const bool wrong = states[own] == PointState::failed || states[own] == PointState::invalid;
  wrong ? log_.warn(line) : log_.info(line);
  expected_ += course_.seconds[own].shared;
  took_ += seconds;
  const double pace = expected_ > 0 ? took_ / expected_ : 1.0;
  std::string sentence = "sweep: " + state_sentence(states);
  if (left > 0) sentence += fmt::format(", about {} left", format_duration(left * pace / course_.groups));
  log_.info(sentence);
}

}  // namespace lift
