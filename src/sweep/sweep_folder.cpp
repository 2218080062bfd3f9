#include "src/sweep/sweep_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/resume/resume_store.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

std::int64_t files_in(const fs::path& folder) {
  std::error_code error;
  std::int64_t files = 0;
  for (fs::directory_iterator item(folder, error), end; !error && item != end; item.increment(error)) ++files;
  return files;
}

PointState state_of(PointRecord::Word word, bool taken) {
  switch (word) {
    case PointRecord::Word::none:
      return taken ? PointState::running : PointState::pending;
    case PointRecord::Word::begun:
    case PointRecord::Word::stopped:
      return taken ? PointState::running : PointState::preempted;
    case PointRecord::Word::failed:
      return PointState::failed;
    case PointRecord::Word::invalid:
      return PointState::invalid;
    case PointRecord::Word::done:
      return PointState::done;
  }
  return PointState::pending;
}

}  // namespace

bool SweepFolder::begun() const {
  std::error_code ignored;
  return fs::exists(file(), ignored) && fs::exists(path_ / "state", ignored);
}

void SweepFolder::check() const {
  std::error_code error;
  if (path_.empty()) throw Error(ExitCode::usage, "--out is empty; expected the folder of the sweep");
  if (!fs::exists(path_, error)) return;
  if (!fs::is_directory(path_, error))
    throw Error(ExitCode::usage, fmt::format("--out {}: is not a folder", path_.string()));
  if (begun()) return;
  // Another may be making it now, or was killed as it did.
  constexpr std::array<std::string_view, 4> kOwn = {"state", "points", "shared", "sweep.cfg"};
  for (fs::directory_iterator item(path_, error), end; !error && item != end; item.increment(error)) {
    const std::string name = item->path().filename();
    if (std::ranges::count(kOwn, name) > 0 || name.starts_with(".sweep.cfg.")) continue;
    throw Error(ExitCode::usage,
                fmt::format("--out {}: holds something else than a sweep ({}); expected a folder that "
                            "is missing or empty, or that of a sweep to go on with",
                            path_.string(), name));
  }
}

void SweepFolder::create(const std::string& text) const {
  check();
  make_folder(path_ / "state");
  make_folder(path_ / "points");
  make_folder(path_ / "shared");
  std::error_code ignored;
  if (!fs::exists(file(), ignored) || read_file(file()) != text) write_file(file(), text);
}

void SweepFolder::require_sweep() const {
  if (begun()) return;
  throw Error(
      ExitCode::usage,
      fmt::format("{}: is not the folder of a sweep; expected the --out of lift sweep", path_.string()));
}

bool SweepFolder::knows_locks() const {
  const fs::path file = path_ / "state" / fmt::format(".locks-{}", ::getpid());
  const FileLock lock(file);
  const bool known = FileLock::taken(file);
  std::error_code ignored;
  fs::remove(file, ignored);
  return known;
}

fs::path SweepFolder::claim_file(const std::string& point) const {
  return path_ / "state" / (point + ".claim");
}

fs::path SweepFolder::record_file(const std::string& point) const {
  return path_ / "state" / (point + ".json");
}

std::unique_ptr<FileLock> SweepFolder::claim(const std::string& point) const {
  auto lock = std::make_unique<FileLock>(claim_file(point));
  return lock->held() ? std::move(lock) : nullptr;
}

PointRecord SweepFolder::record(const std::string& point) const {
  try {
    return read_point_record(record_file(point));
  } catch (const Error& error) {
    PointRecord broken;
    broken.word = PointRecord::Word::failed;
    broken.code = static_cast<int>(error.code());
    broken.message = error.what();
    return broken;
  }
}

void SweepFolder::write(const std::string& point, const PointRecord& record) const {
  write_point_record(record_file(point), record);
}

SweepFolder::Seen SweepFolder::look(const std::string& point) const {
  // Asked before the record is read: what a claim's holder wrote last is there once it is free.
  const bool taken = FileLock::taken(claim_file(point));
  PointRecord found = record(point);
  const PointState state = state_of(found.word, taken);
  return {state, std::move(found)};
}

std::string SweepFolder::progress(const std::string& point, const fs::path& memo) const {
  const fs::path checkpoints = run(point) / "checkpoints";
  std::vector<fs::path> all;
  std::error_code ignored;
  if (fs::exists(checkpoints, ignored)) all = ResumeStore(checkpoints, 1).all();
  for (const fs::path& folder : all) {
    if (!fs::exists(folder / "DONE", ignored)) continue;
    return fmt::format("{}, {} results, {} shared", folder.filename().string(),
                       files_in(checkpoints / "memo"), memo.empty() ? 0 : files_in(memo));
  }
  return "";
}

}  // namespace lift
