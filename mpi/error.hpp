#pragma once
#include <stdexcept>
#include <string>

namespace lift {

/// Exit codes of the program; every failure carries one.
enum class ExitCode : int {
  done = 0,
  internal = 1,
  usage = 2,      ///< what was typed is wrong, even if only the model shows it
  input = 3,      ///< a named file or folder is missing, unreadable or invalid
  numerical = 4,  ///< a loss that is not finite, an LP without a bounded optimum or not answered
  write = 5,      ///< writing failed: disk full, quota, permission
  partial = 6,    ///< a sweep some of whose points failed
  stopped = 75    ///< stopped after a checkpoint: submit again to go on
};

/// A failure that ends the job: one line for the user, and the exit code.
///
/// The message names the file or the key, what is wrong and what was expected; it has no trailing newline and
/// no `lift: error:` in front.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// An Error that several ranks have thrown together, with the same code and message.
///
/// agree() throws it; code that throws it itself has made sure that every rank of the run does, out of data
/// that is equal on all of them (a reduced loss, an option).
class AgreedError : public Error {
 public:
  static constexpr int kWholeRun = 0;
  AgreedError(ExitCode code, const std::string& message, int ranks = kWholeRun)
      : Error(code, message), ranks_(ranks) {}
  /// Size of the communicator that agreed, or kWholeRun.
  [[nodiscard]] int ranks() const noexcept { return ranks_; }

 private:
  int ranks_;
};

}  // namespace lift
