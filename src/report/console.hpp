#pragma once
#include <iosfwd>
#include <string>
#include <string_view>

namespace lift {

/// Where a person reads along: finished lines, and on a terminal one status line below them that is redrawn.
///
/// Ownership   keeps references to the streams, which must outlive it.
/// Test        tests/src/report/test_progress.cpp, with string streams
class Console {
 public:
  /// `width`: columns a status line may take on a terminal; longer ones are cut.
  Console(std::ostream& out, std::ostream& err, bool terminal, int width = 80);
  /// stdout and stderr of the process; a terminal if stdout ends on one. Under mpirun that is where mpirun's
  /// own output goes (it gives its ranks a pseudo-terminal in any case); never with TERM=dumb. Warnings go to
  /// stdout where both are a terminal.
  static Console standard();

  void print(std::string_view line);          ///< to `out`, above the status line; may hold line breaks
  void warn(std::string_view line);           ///< to `err`, above the status line
  void show_status(std::string_view status);  ///< redraws the status line; nothing where no terminal is
  void clear_status();
  [[nodiscard]] bool is_terminal() const noexcept { return terminal_; }

 private:
  void erase();
  void redraw();

  std::ostream* out_;
  std::ostream* err_;
  bool terminal_;
  int width_;
  std::string status_;
};

}  // namespace lift
