#include "src/files/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "mpi/error.hpp"

namespace lift {

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)), temporary_(temporary_beside(path_)) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) fail("cannot be created");
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // Linux writes less than 2 GiB in one call
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), std::min(bytes.size(), kMostAtOnce));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot be written");
    bytes = bytes.subspan(std::size_t(written));
  }
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text)));
}

void AtomicFile::commit(Durability durability) {
  const bool syncs = durability == Durability::of_the_machine;
  if (syncs && ::fsync(fd_) != 0) fail("cannot be synced");
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0) fail("cannot be closed");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be renamed into place");
  temporary_.clear();
  if (syncs) sync_folder(folder_of(path_));
}

void AtomicFile::fail(const char* step) const {
  throw Error(ExitCode::write, fmt::format("{}: {}: {}", path_.string(), step, std::strerror(errno)));
}

std::string read_file(const std::filesystem::path& path) {
  const auto refuse = [&](const char* reason) {
    throw Error(ExitCode::input, fmt::format("{}: cannot be read: {}", path.string(), reason));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw Error(ExitCode::input, fmt::format("{}: is a folder, expected a file", path.string()));
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream.is_open()) refuse(std::strerror(errno));
  std::string bytes(static_cast<std::size_t>(std::max<std::streamoff>(stream.tellg(), 0)), '\0');
  stream.seekg(0);
  if (!stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) refuse(std::strerror(errno));
  return bytes;
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && !std::filesystem::is_directory(folder, error)) error.assign(ENOTDIR, std::generic_category());
  if (error) {
    throw Error(ExitCode::write, fmt::format("{}: cannot be made: {}", folder.string(), error.message()));
  }
}

std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  std::array<char, 65> host{};  // two hosts may have a process of the same number
  ::gethostname(host.data(), host.size() - 1);
  return folder_of(path) / fmt::format(".{}.{}-{}.tmp", path.filename().string(), host.data(), ::getpid());
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int failed = fd < 0 ? errno : (::fsync(fd) == 0 ? 0 : errno);
  if (fd >= 0) ::close(fd);
  // Some file systems cannot sync a folder (EINVAL); their renames are as durable as they get.
  if (failed != 0 && failed != EINVAL) {
    throw Error(ExitCode::write,
                fmt::format("{}: cannot be synced: {}", folder.string(), std::strerror(failed)));
  }
}

}  // namespace lift
