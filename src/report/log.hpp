#pragma once
#include <filesystem>
#include <memory>
#include <string_view>

#include "mpi/communicator.hpp"
#include "src/report/console.hpp"

namespace lift {

/// The run's log: rank 0 says everything on its console and in log.txt; any rank's warnings are heard.
///
/// Lines said before the run folder exists are kept and go into log.txt once open_file() is called. A rank
/// other than 0 says warnings at once on its own stderr, with its rank, and drops the rest; gather_warnings()
/// brings them into rank 0's log.txt. No logger is registered anywhere: the object is passed around.
///
/// Form        console: the line as it is; warnings `lift: warning: …` on stderr.
///             log.txt: `2026-01-31T12:00:00Z info: …`.
/// Collective  never, but for gather_warnings().
/// Throws      a line that cannot be written to log.txt never throws; the first failure is kept for check().
/// Test        tests/src/report/test_log.cpp (1, 2, 4 ranks)
class Log {
 public:
  /// `console` must outlive it.
  Log(Console& console, int rank);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void info(std::string_view line);
  void warn(std::string_view line);
  /// Into log.txt alone.
  void detail(std::string_view line);
  /// Several lines as they are, such as a table.
  void block(std::string_view text);

  /// Appends to `path` from here on, what was said so far first. Rank 0 only. Throws Error(write).
  void open_file(const std::filesystem::path& path);
  /// Throws Error(write) naming the file and the reason of the first line that could not be written.
  void check() const;
  /// Writes the other ranks' warnings since the last call into rank 0's log.txt, in rank order.
  void gather_warnings(const Communicator& comm);

  [[nodiscard]] Console& console() noexcept { return *console_; }
  [[nodiscard]] bool is_root() const noexcept { return rank_ == 0; }

 private:
  struct Sinks;
  Console* console_;
  int rank_;
  std::unique_ptr<Sinks> sinks_;
};

}  // namespace lift
