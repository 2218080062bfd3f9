#include "src/report/append_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "mpi/error.hpp"

namespace lift {

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) error_ = errno;
  check();
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AppendFile::append(std::string_view text) noexcept {
  while (!text.empty() && error_ == 0) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
}

void AppendFile::sync() noexcept {
  if (error_ == 0 && ::fsync(descriptor_) != 0) error_ = errno;
}

void AppendFile::check() const {
  if (error_ == 0) return;
  throw Error(ExitCode::write,
              fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(error_)));
}

}  // namespace lift
