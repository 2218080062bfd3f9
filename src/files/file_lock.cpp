#include "src/files/file_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "mpi/error.hpp"

namespace lift {
namespace {

/// The whole of a file, for one.
struct flock whole_file(short type) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

FileLock::FileLock(const std::filesystem::path& file)
    : descriptor_(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0)
    throw Error(ExitCode::write,
                fmt::format("{}: cannot be opened: {}", file.string(), std::strerror(errno)));
  struct flock lock = whole_file(F_WRLCK);
  held_ = ::fcntl(descriptor_, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

FileLock::~FileLock() {
  ::close(descriptor_);
}

bool FileLock::taken(const std::filesystem::path& file) noexcept {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);  // who may only read can ask, too
  if (descriptor < 0) return false;
  struct flock lock = whole_file(F_RDLCK);
  const bool taken = ::fcntl(descriptor, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(descriptor);
  return taken;
}

}  // namespace lift
