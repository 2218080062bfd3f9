#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace lift {

/// A file that lines are appended to for as long as a run goes on.
///
/// Nothing is buffered here. The first failure ends the writing, so that no half line is followed by another;
/// it is kept and never thrown, because lines are written in the midst of collective work.
///
/// Ownership   owns its file descriptor.
/// Test        tests/src/report/test_metrics.cpp and test_log.cpp, with a full disk
class AppendFile {
 public:
  /// Opens `path`, which may exist. Throws Error(write) naming it and the system's reason.
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void append(std::string_view text) noexcept;
  /// Makes what was appended outlive the machine; a failure is kept as one of append().
  void sync() noexcept;
  /// Throws Error(write) naming file and reason if an append has failed.
  void check() const;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  int error_ = 0;  ///< errno of the first failure
};

}  // namespace lift
