#include "jobs/sweep_worker.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <system_error>
#include <utility>

#include "jobs/sweep_table.hpp"
#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/report/format.hpp"
#include "src/report/line_prefix.hpp"
#include "src/report/provenance.hpp"

namespace lift {
namespace {

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
      log_(console_, group.rank()),
      claims_(course, log_) {}

SweepWorker::End SweepWorker::work() {
  try {
    end_together(group_, whole_.comm, [this] { do_points(); });
  } catch (const AgreedError& error) {
    claim_.reset();  // whoever else works on the sweep must not wait for this
    log_.warn(error.what());
    throw;
  }
  return end_;
}

void SweepWorker::do_points() {
  while (const auto k = take_point()) {
    do_point(course_.plan.points[*k]);
    if (record_.code == static_cast<int>(ExitCode::write))
      throw AgreedError(ExitCode::write, record_.message);
    if (record_.word == PointRecord::Word::stopped) {
      end_ = End::stopped;
      return;
    }
  }
  const std::int64_t stopped = group_.is_root() && is_to_stop() ? 1 : 0;
  if (max_over_ranks(stopped, group_) > 0) end_ = End::stopped;
}

/// What rank 0 claims is done by all; nothing where there is nothing left, or it is to stop.
std::optional<std::size_t> SweepWorker::take_point() {
  std::int64_t taken = -1;
  agree(group_, [&] {
    if (!group_.is_root()) return;
    auto claimed = claims_.next([this] { return is_to_stop(); });
    if (!claimed) return;
    taken = static_cast<std::int64_t>(claimed->point);
    record_ = std::move(claimed->record);
    claim_ = std::move(claimed->claim);
  });
  taken = gather_values(taken, group_).front();
  return taken < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(taken));
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
void SweepWorker::begin(const SweepPoint& point) {
  agree(group_, [&] {
    if (!group_.is_root()) return;
    if (course_.progress(point).empty()) {
      record_.warmup = point.warmup;
      record_.warmup_from = begin_warmup(point);
    }
    record_.word = PointRecord::Word::begun;
    record_.code = 0;
    record_.message = "";
    record_.progress = course_.progress(point);
    record_.began = now_utc();
    record_.ended = "";
    record_.where = here(whole_);
    record_.ranks = group_.size();
    ++record_.starts;
    course_.folder.write(point.name, record_);
    log_.info(fmt::format("{} {}{}", point.name, record_.starts == 1 ? "begins" : "goes on",
                          record_.warmup_from.empty() ? "" : ", shares " + record_.warmup_from));
  });
  broadcast(record_.warmup, 0, group_);  // what all ranks decide by
}

/// Takes up the warm-up where others have come to, of a point without a checkpoint; says where that is.
std::string SweepWorker::begin_warmup(const SweepPoint& point) {
  if (point.warmup.empty()) return "";
  const auto nearest = course_.branches(point).nearest(point.epochs());
  if (!nearest) return "";
  try {
    return course_.branches(point).seed(*nearest, course_.folder.run(point.name),
                                        point.plan->checkpoints.identity);
  } catch (const Error& error) {
    log_.warn(fmt::format("{}; the warm-up of {} begins anew", error.what(), point.name));
    if (error.code() == ExitCode::input) course_.branches(point).drop(*nearest);
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
  begin(point);
  ++begun_;
  RunLoan loan{.signal = [this] { return signal(); },
               .began = course_.began,
               .most_seconds = course_.most_seconds,
               .corpora = corpora_,
               .go_on = "the same command goes on"};
  loan.shared_memo = course_.memo(point);
  if (leads_on(point) && record_.warmup == point.warmup)
    loan.on_branch = [&](ResumePoint left) { keep_branch(point, std::move(left)); };
  run(point, loan);
  const double seconds = seconds_since(start);
  record_.warmup_steps += loan.warmup_steps;
  record_.taken_over += loan.taken_over;
  record_.seconds += seconds;
  record_.deaths = 0;
  agree(group_, [&] {
    if (!group_.is_root()) return;
    record_.ended = now_utc();
    course_.folder.write(point.name, record_);
    claim_.reset();
    drop_what_is_shared(point);
    tell_end(point, seconds);
  });
}

/// What others could go on from; without it they take these steps themselves.
void SweepWorker::keep_branch(const SweepPoint& point, ResumePoint left) {
  try {
    course_.branches(point).publish(point.epochs(), std::move(left), course_.folder.run(point.name));
  } catch (const Error& error) {
    if (error.code() != ExitCode::write) throw;
    log_.warn(fmt::format("{}; the warm-up of {} is not shared", error.what(), point.name));
    course_.branches(point).drop(point.epochs());
  }
}

/// One run, whose end, whatever it is, goes into the record: the same on every rank of the group.
void SweepWorker::run(const SweepPoint& point, RunLoan& loan) {
  record_.word = PointRecord::Word::done;
  record_.code = 0;
  record_.message = "";
  const auto ended = [&](ExitCode code, const std::string& message) {
    record_.word = word_for(code);
    record_.code = static_cast<int>(code);
    record_.message = message;
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

void SweepWorker::tell_end(const SweepPoint& point, double seconds) {
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
                  record_.message.empty() ? "" : ": ", record_.message);
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
