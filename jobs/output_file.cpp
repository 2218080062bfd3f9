#include "jobs/output_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "mpi/error.hpp"

namespace lift {

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
