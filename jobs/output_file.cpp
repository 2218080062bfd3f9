#include "jobs/output_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "mpi/error.hpp"

namespace lift {

namespace {

/// Whether `path` is `place` or lies below it, whatever links and dots there are.
bool lies_in(const std::filesystem::path& path, const std::filesystem::path& place) {
  const auto whole = std::filesystem::canonical(path);
  const auto root = std::filesystem::weakly_canonical(std::filesystem::absolute(place));
  return std::ranges::mismatch(root, whole).in1 == root.end();
}

}  // namespace

void check_spares_inputs(const std::filesystem::path& file, std::string_view option, const Options& options) {
  std::error_code ignored;
  if (file.empty() || !std::filesystem::exists(file, ignored)) return;
  for (const std::string_view input : {"model", "start", "data", "tokenizer", "input", "config"}) {
    if (find_option(options.job(), input) == nullptr) continue;
    const std::filesystem::path place = options.path(input);
    if (!place.empty() && lies_in(file, place))
      throw Error(ExitCode::usage, fmt::format("--{} {} would replace a file of --{} {}; expected another",
                                               option, file.string(), input, place.string()));
  }
}

void check_output_file(const std::filesystem::path& file, std::string_view option) {
  std::error_code ignored;
  const auto refuse = [&](ExitCode code, const std::string& what) {
    throw Error(code, fmt::format("--{} {}: {}", option, file.string(), what));
  };
  if (std::filesystem::is_directory(file, ignored)) refuse(ExitCode::usage, "is a folder; expected a file");
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (!std::filesystem::is_directory(folder, ignored)) {
    refuse(ExitCode::input, fmt::format("there is no folder {}", folder.string()));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse(ExitCode::write,
           fmt::format("cannot write to {}: {}", folder.string(), std::generic_category().message(errno)));
  }
}

}  // namespace lift
