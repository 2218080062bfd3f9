#include "src/sweep/warmup_branches.hpp"

#include <fmt/format.h>

#include <charconv>
#include <system_error>
#include <utility>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEpoch = "epoch-";

[[noreturn]] void refuse(const fs::path& path, const std::error_code& error) {
  throw Error(ExitCode::write, fmt::format("{}: cannot be written: {}", path.string(), error.message()));
}

/// A copy that replaces what an earlier try left.
void copy_anew(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::remove_all(to, error);
  if (!error) fs::copy(from, to, fs::copy_options::recursive, error);
  if (error) refuse(to, error);
}

/// The models that a run keeps of its warm-up's epochs.
void copy_kept(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (fs::directory_iterator item(from, error), end; !error && item != end; item.increment(error)) {
    const std::string name = item->path().filename();
    if (!name.starts_with(kEpoch)) continue;
    make_folder(to);
    copy_anew(item->path(), to / name);
  }
}

}  // namespace

fs::path WarmupBranches::at(int epoch) const {
  return folder_ / fmt::format("{}{}", kEpoch, epoch);
}

bool WarmupBranches::has(int epoch) const {
  std::error_code ignored;
  return fs::exists(at(epoch) / "state" / "DONE", ignored);
}

std::optional<int> WarmupBranches::nearest(int epochs) const {
  std::optional<int> nearest;
  std::error_code error;
  for (fs::directory_iterator item(folder_, error), end; !error && item != end; item.increment(error)) {
    const std::string name = item->path().filename();
    if (!name.starts_with(kEpoch)) continue;
    int epoch = -1;
    const char* last = name.data() + name.size();
    const auto [stop, failure] = std::from_chars(name.data() + kEpoch.size(), last, epoch);
    if (failure != std::errc() || stop != last || epoch > epochs || epoch < nearest.value_or(0)) continue;
    if (has(epoch)) nearest = epoch;
  }
  return nearest;
}

void WarmupBranches::drop(int epoch) const {
  std::error_code ignored;
  fs::remove_all(at(epoch), ignored);
}

void WarmupBranches::publish(int epoch, ResumePoint point, const fs::path& run) const {
  if (has(epoch)) return;
  const fs::path folder = at(epoch);
  make_folder(folder);
  copy_anew(run / "metrics.jsonl", folder / "metrics.jsonl");
  copy_kept(run / "checkpoints", folder / "kept");
  point.number = 1;
  point.where = fmt::format("{} of {}", point.where, run.filename().string());
  write_resume_point(folder / "state", point);
}

std::string WarmupBranches::seed(int epoch, const fs::path& run,
                                 const std::map<std::string, std::string>& identity) const {
  const fs::path branch = at(epoch);
  ResumePoint point = read_resume_point(branch / "state");
  std::erase_if(point.identity, [](const auto& item) { return item.first.starts_with("--"); });
  point.identity.insert(identity.begin(), identity.end());
  const fs::path checkpoints = run / "checkpoints";
  make_folder(checkpoints);
  std::error_code ignored;
  if (!fs::exists(run / "log.txt", ignored)) write_file(run / "log.txt", "");  // tells that this is a run
  copy_anew(branch / "metrics.jsonl", run / "metrics.jsonl");
  copy_kept(branch / "kept", checkpoints);
  write_resume_point(checkpoints / "resume-000001", point);
  return point.where;
}

}  // namespace lift
