#include "src/report/run_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

constexpr std::array kRunFiles = {"config.cfg", "provenance.json", "log.txt", "metrics.jsonl", "result.json"};
constexpr std::size_t kNamesShown = 4;

std::vector<std::string> entries(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) {
    throw Error(ExitCode::usage,
                fmt::format("--out {}: cannot look into it: {}", folder.string(), error.message()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void require_empty(const fs::path& folder) {
  const std::vector<std::string> names = entries(folder);
  if (names.empty()) return;
  const bool run = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return std::find(kRunFiles.begin(), kRunFiles.end(), name) != kRunFiles.end();
  });
  const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), kNamesShown));
  throw Error(ExitCode::usage, fmt::format("--out {}: {} ({}{}); expected a folder that is missing or empty",
                                           folder.string(), run ? "holds another run" : "is not empty",
                                           fmt::join(names.begin(), names.begin() + shown, ", "),
                                           names.size() > kNamesShown ? ", …" : ""));
}

/// The nearest folder at or above `path` that exists must be a folder that can be written to.
void require_writable(const fs::path& path) {
  std::error_code error;
  fs::path nearest = fs::absolute(path, error);
  while (!fs::exists(nearest, error) && nearest.has_relative_path()) nearest = nearest.parent_path();
  if (!fs::is_directory(nearest, error)) {
    throw Error(ExitCode::usage,
                fmt::format("--out {}: {} is not a folder", path.string(), nearest.string()));
  }
  if (::access(nearest.c_str(), W_OK | X_OK) != 0) {
    throw Error(ExitCode::write, fmt::format("--out {}: cannot write to {}: {}", path.string(),
                                             nearest.string(), std::strerror(errno)));
  }
}

/// A folder that a run may go on in: empty, or with the log that every run begins with.
void require_run(const fs::path& folder) {
  const std::vector<std::string> names = entries(folder);
  if (names.empty() || std::ranges::count(names, "log.txt") > 0) return;
  throw Error(ExitCode::usage,
              fmt::format("--out {}: holds no run to resume; expected the folder of one, or an empty one",
                          folder.string()));
}

/// Makes log.txt if nobody else has: of two runs that begin in a folder one is to be the first.
void make_first(const fs::path& folder, const fs::path& log) {
  const int descriptor = ::open(log.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor >= 0) {
    ::close(descriptor);
    return;
  }
  if (errno == EEXIST) {
    throw Error(ExitCode::usage,
                fmt::format("--out {}: another run has just started in it", folder.string()));
  }
  throw Error(ExitCode::write, fmt::format("{}: cannot be written: {}", log.string(), std::strerror(errno)));
}

/// Removes what a writer that was killed left: names that begin with a dot and end in .tmp.
void remove_cut_off(const fs::path& folder) {
  std::vector<fs::path> left;
  std::error_code error;
  for (fs::directory_iterator item(folder, error), end; !error && item != end; item.increment(error)) {
    const std::string name = item->path().filename();
    if (name.starts_with(".") && name.ends_with(".tmp")) left.push_back(item->path());
  }
  for (const fs::path& path : left) {
    error.clear();
    fs::remove_all(path, error);
    if (error)
      throw Error(ExitCode::write, fmt::format("{}: cannot be removed: {}", path.string(), error.message()));
  }
}

void inspect(const fs::path& path, RunFolder::Use use) {
  if (path.empty())
    throw Error(ExitCode::usage, "--out is empty; expected a folder that is missing or empty");
  require_writable(path);
  std::error_code error;
  if (!fs::exists(path, error)) return;
  use == RunFolder::Use::fresh ? require_empty(path) : require_run(path);
}

}  // namespace

RunFolder::RunFolder(fs::path path, Use use) : path_(std::move(path)), use_(use) {
  inspect(path_, use_);
  if (use_ == Use::resumed && begun()) claim();
}

void RunFolder::claim() {
  claim_ = std::make_shared<FileLock>(log());
  if (!claim_->held())
    throw Error(ExitCode::usage, fmt::format("--out {}: another run goes on in it", path_.string()));
}

void RunFolder::create() {
  if (claim_) {
    remove_cut_off(path_);
    remove_cut_off(checkpoints());
    created_ = true;
    return;
  }
  inspect(path_, use_);
  make_folder(path_);
  if (use_ == Use::fresh) make_first(path_, log());
  claim();
  created_ = true;
}

bool RunFolder::begun() const {
  std::error_code error;
  return fs::exists(log(), error);
}

bool RunFolder::done() const {
  std::error_code error;
  return fs::exists(result(), error);
}

}  // namespace lift
