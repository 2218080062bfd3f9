#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace lift {

/// What a written file outlives: the process that wrote it, or also the machine, which costs a sync.
enum class Durability { of_the_process, of_the_machine };

/// A file that is there whole or not at all: written beside its place, synced, then renamed into it.
///
/// Ownership  not movable; without commit() the destructor removes what was written.
/// Throws     Error(write) naming the file and the system's reason.
/// Test       tests/src/model/test_safetensors.cpp: a disk that is full at every length
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// Syncs the file, renames it into place and syncs its folder; nothing may be written after it. A file
  /// that need only outlive the process is not synced.
  void commit(Durability durability = Durability::of_the_machine);

 private:
  [[noreturn]] void fail(const char* step) const;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
};

/// The bytes of a file. Throws Error(input), naming it, if it is missing, a folder or unreadable.
std::string read_file(const std::filesystem::path& path);

/// Writes the whole of a small file as AtomicFile does. Throws Error(write).
/// Test tests/src/files/test_atomic_file.cpp, with a full disk
void write_file(const std::filesystem::path& path, std::string_view text);

/// Makes `folder` and its parents where they are missing. Throws Error(write) naming folder and reason.
void make_folder(const std::filesystem::path& folder);

/// A hidden name beside `path` that no other process uses, for what is renamed to `path` when it is whole.
std::filesystem::path temporary_beside(const std::filesystem::path& path);

/// The folder that `path` stands in; "." where it has none.
std::filesystem::path folder_of(const std::filesystem::path& path);

/// Makes the names in a folder durable. Throws Error(write).
void sync_folder(const std::filesystem::path& folder);

}  // namespace lift
