#pragma once
#include <filesystem>

namespace lift {

/// Keeps a file for one process of those that ask for it; the system lets go of it when the process ends,
/// however it ends.
///
/// Method     locks of open file descriptions (fcntl(2)): of two FileLocks in one process, too, one holds the
///            file, and taken() asks without touching anything.
/// Limits     advisory: a file system that knows no locks gives the file to everybody.
/// Ownership  not movable; the destructor lets go.
/// Throws     the constructor Error(write) naming the file if it can neither be opened nor made.
/// Test       tests/src/files/test_file_lock.cpp
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& file);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  /// False where another process has it.
  [[nodiscard]] bool held() const noexcept { return held_; }
  /// Whether anybody holds `file` now. False where it cannot be known.
  [[nodiscard]] static bool taken(const std::filesystem::path& file) noexcept;

 private:
  int descriptor_;
  bool held_;
};

}  // namespace lift
