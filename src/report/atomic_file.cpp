#include "src/report/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "mpi/error.hpp"

namespace lift {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw Error(ExitCode::write, fmt::format("cannot write {}: {}", path.string(), std::strerror(error)));
}

/// Writes and syncs; returns 0 or the errno of what failed.
int fill(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(descriptor) == 0 ? 0 : errno;
}

int write_and_close(const std::filesystem::path& path, std::string_view content) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return errno;
  const int error = fill(descriptor, content);
  const bool closed = ::close(descriptor) == 0;  // a network file system may report a full disk only here
  return error != 0 || closed ? error : errno;
}

/// Makes a rename survive a power cut; a file system that cannot sync folders is no reason to fail.
void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

void write_atomically(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = path.string() + ".tmp";
  int error = write_and_close(temporary, content);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail(path, error);
  }
  sync_folder(path.parent_path());
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && !std::filesystem::is_directory(folder, error)) error.assign(ENOTDIR, std::generic_category());
  if (error) fail(folder, error.value());
}

}  // namespace lift
