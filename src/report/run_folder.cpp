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

void inspect(const fs::path& path) {
  if (path.empty())
    throw Error(ExitCode::usage, "--out is empty; expected a folder that is missing or empty");
  require_writable(path);
  std::error_code error;
  if (fs::exists(path, error)) require_empty(path);
}

/// Makes log.txt if nobody else has: whoever makes it owns the folder.
void claim(const fs::path& folder, const fs::path& log) {
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

}  // namespace

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {
  inspect(path_);
}

void RunFolder::create() {
  inspect(path_);
  make_folder(path_);
  claim(path_, log());
  created_ = true;
}

}  // namespace lift
