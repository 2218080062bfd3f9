#include "src/text/files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "mpi/error.hpp"

namespace lift {
namespace {

std::string reason() {
  return errno != 0 ? std::strerror(errno) : "input/output error";
}

}  // namespace

std::string read_file(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    throw Error(ExitCode::input, fmt::format("{}: is a folder, expected a file", file.string()));
  }
  errno = 0;
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) throw Error(ExitCode::input, fmt::format("{}: cannot be read: {}", file.string(), reason()));
  std::string content(static_cast<std::size_t>(std::max<std::streamoff>(in.tellg(), 0)), '\0');
  in.seekg(0);
  if (!in.read(content.data(), static_cast<std::streamsize>(content.size()))) {
    throw Error(ExitCode::input, fmt::format("{}: cannot be read: {}", file.string(), reason()));
  }
  return content;
}

void write_file(const std::filesystem::path& file, std::string_view content) {
  std::error_code failed;
  std::filesystem::create_directories(file.parent_path(), failed);
  if (failed) {
    throw Error(ExitCode::write,
                fmt::format("{}: cannot be made: {}", file.parent_path().string(), failed.message()));
  }
  errno = 0;
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) throw Error(ExitCode::write, fmt::format("{}: cannot be written: {}", file.string(), reason()));
}

}  // namespace lift
