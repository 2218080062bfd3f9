#include "src/report/console.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>

#include "src/report/format.hpp"

namespace lift {
namespace {

constexpr int kDefaultWidth = 80;

/// Columns of the terminal behind a descriptor, nothing if there is none.
std::optional<int> terminal_width(int descriptor) {
  if (::isatty(descriptor) == 0) return std::nullopt;
  winsize size{};
  const bool known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kDefaultWidth;
}

/// The same for a descriptor of the parent process, which is mpirun or its daemon.
std::optional<int> parent_terminal_width(int parents_descriptor) {
  const std::string path = fmt::format("/proc/{}/fd/{}", ::getppid(), parents_descriptor);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  const std::optional<int> width = terminal_width(descriptor);
  ::close(descriptor);
  return width;
}

/// Columns of the terminal where a person reads what goes to a descriptor.
std::optional<int> readers_width(int descriptor) {
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view(term) == "dumb") return std::nullopt;
  const bool under_mpirun =
      std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMI_SIZE") != nullptr;
  return under_mpirun ? parent_terminal_width(descriptor) : terminal_width(descriptor);
}

}  // namespace

Console::Console(std::ostream& out, std::ostream& err, bool terminal, int width)
    : out_(&out), err_(&err), terminal_(terminal), width_(width) {}

Console Console::standard() {
  // What mpirun forwards as stderr may overtake stdout; where both end on a terminal, one stream keeps the
  // order.
  const std::optional<int> width = readers_width(STDOUT_FILENO);
  std::ostream& err = width && readers_width(STDERR_FILENO) ? std::cout : std::cerr;
  return {std::cout, err, width.has_value(), width.value_or(kDefaultWidth)};
}

void Console::print(std::string_view line) {
  erase();
  *out_ << line << '\n';
  redraw();
  out_->flush();
}

void Console::warn(std::string_view line) {
  erase();
  out_->flush();
  *err_ << line << '\n';
  err_->flush();
  redraw();
  out_->flush();
}

void Console::show_status(std::string_view status) {
  if (!terminal_) return;
  erase();
  status_ = first_columns(status, width_ - 1);  // a full last column would wrap on some terminals
  redraw();
  out_->flush();
}

void Console::clear_status() {
  erase();
  status_.clear();
  out_->flush();
}

void Console::erase() {
  if (!status_.empty()) *out_ << "\r\033[K";
}

void Console::redraw() {
  *out_ << status_;
}

}  // namespace lift
