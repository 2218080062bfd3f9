#include "src/resume/checkpoints.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/resume/broadcast_point.hpp"

namespace lift {
namespace {

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

/// Whether two texts say the same: 1e-3 is 0.001.
bool equal_values(const std::string& a, const std::string& b) {
  if (a == b) return true;
  char* end_a = nullptr;
  char* end_b = nullptr;
  const double x = std::strtod(a.c_str(), &end_a), y = std::strtod(b.c_str(), &end_b);
  return !a.empty() && !b.empty() && *end_a == '\0' && *end_b == '\0' && x == y;
}

}  // namespace

std::string difference(const std::map<std::string, std::string>& now,
                       const std::map<std::string, std::string>& before) {
  const auto value = [](const std::map<std::string, std::string>& of, const std::string& key) {
    const auto found = of.find(key);
    return found == of.end() ? std::string("not set") : found->second;
  };
  for (const auto* keys : {&now, &before}) {
    for (const auto& [key, unused] : *keys) {
      if (!equal_values(value(now, key), value(before, key)))
        return fmt::format("{} is {} now, and was {} when the run was left", key, value(now, key),
                           value(before, key));
    }
  }
  return "";
}

Checkpoints::Checkpoints(CheckpointOptions options, const Communicator& comm)
    : comm_(comm),
      options_(std::move(options)),
      store_(options_.folder, options_.keep),
      memo_(options_.folder / "memo", options_.memo),
      shared_(options_.shared_memo, options_.memo),
      stopper_(options_.stop) {}

Checkpoints::Part::Part(Checkpoints& checkpoints, std::string part, Save save) : checkpoints_(checkpoints) {
  checkpoints_.parts_.emplace_back(std::move(part), std::move(save));
}

Checkpoints::Part::~Part() {
  checkpoints_.parts_.pop_back();
}

Checkpoints::Taken Checkpoints::resume() {
  Taken taken;
  ResumePoint point;
  agree(comm_, [&] {
    if (!comm_.is_root()) return;
    auto found = store_.newest(taken.passed_over);
    if (!found && store_.has_published())
      throw Error(ExitCode::input,
                  fmt::format("{}; no checkpoint of this run is whole: remove {} to begin anew",
                              taken.passed_over.front(), options_.folder.string()));
    store_.remove_unpublished();
    if (!found) {
      memo_.clear();
      return;
    }
    check_identity(found->point);
    taken.where = fmt::format("{}: {}, of {} rank{}", found->folder.filename().string(), found->point.where,
                              found->point.ranks, found->point.ranks == 1 ? "" : "s");
    last_where_ = found->point.where;
    point = std::move(found->point);
  });
  broadcast(point, comm_);
  broadcast(taken.where, 0, comm_);
  broadcast(last_where_, 0, comm_);
  taken.found = !taken.where.empty();
  left_ = std::move(point.sections);
  return taken;
}

void Checkpoints::check_identity(const ResumePoint& point) const {
  if (const auto found = difference(options_.identity, point.identity); !found.empty())
    throw Error(ExitCode::usage, fmt::format("--resume: {}", found));
}

std::optional<Section> Checkpoints::take(const std::string& part) {
  const auto found = left_.extract(part);
  return found.empty() ? std::nullopt : std::optional(std::move(found.mapped()));
}

ResumePoint Checkpoints::here(const Where& where) {
  ResumePoint point{.where = where(),
                    .ranks = comm_.size(),
                    .written = utc_now(),
                    .identity = options_.identity,
                    .sections = {}};
  for (const auto& [part, save] : parts_) {
    Section section(comm_.is_root());
    save(section);
    point.sections.emplace(part, std::move(section));
  }
  return point;
}

void Checkpoints::write(const Where& where) {
  const auto start = std::chrono::steady_clock::now();
  ResumePoint point = here(where);
  last_where_ = point.where;
  agree(comm_, [&] {
    if (comm_.is_root()) store_.publish(std::move(point));
  });
  stopper_.saved(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

void Checkpoints::stop(const std::string& where) {
  throw AgreedError(ExitCode::stopped, fmt::format("{} ({}); {}", stopper_.reason(), where, options_.go_on));
}

void Checkpoints::boundary(const Where& where) {
  const Ask ask = stopper_.ask(comm_);
  if (ask == Ask::go_on) return;
  write(where);
  if (ask == Ask::stop) stop(last_where_);
}

void Checkpoints::save(const Where& where) {
  write(where);
}

void Checkpoints::branch(const Where& where) {
  if (!options_.on_branch) return;
  ResumePoint point = here(where);
  agree(comm_, [&] {
    if (comm_.is_root()) options_.on_branch(std::move(point));
  });
}

void Checkpoints::poll() {
  if (stopper_.ask(comm_) == Ask::stop) stop("after " + last_where_);
}

void Checkpoints::stage_done(const Where& where) {
  write(where);
  agree(comm_, [&] {
    if (comm_.is_root()) memo_.clear();
  });
  sharing_ = false;
  if (stopper_.ask(comm_) == Ask::stop) stop(last_where_);
}

void Checkpoints::finish() {
  agree(comm_, [&] {
    if (!comm_.is_root()) return;
    store_.clear();
    memo_.clear();
  });
}

std::string Checkpoints::key(const std::string& label, const std::vector<at::Tensor>& inputs) const {
  return comm_.is_root() && remembers() ? WorkMemo::key(label, inputs) : "";
}

std::optional<MemoEntry> Checkpoints::recall(const std::string& key) {
  std::optional<MemoEntry> found;
  if (!remembers()) return found;
  agree(comm_, [&] {
    if (comm_.is_root()) found = look_up(key);
  });
  broadcast(found, comm_);
  return found;
}

void Checkpoints::remember(const std::string& key, const MemoEntry& entry) {
  agree(comm_, [&] {
    if (comm_.is_root()) (sharing_ ? shared_ : memo_).keep(key, entry);
  });
}

std::optional<MemoEntry> Checkpoints::look_up(const std::string& key) {
  if (auto found = memo_.find(key)) return found;
  auto found = sharing_ ? shared_.find(key) : std::nullopt;
  if (found) taken_over_.insert(key);
  return found;
}

std::string Checkpoints::memo_trouble() {
  const std::string trouble = memo_.trouble();
  return trouble.empty() ? shared_.trouble() : trouble;
}

}  // namespace lift
