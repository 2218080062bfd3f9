#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace lift {

/// A folder that is there whole or not at all: filled beside its place, then renamed into it.
///
/// Ownership  not movable; without commit() the destructor removes what was written.
/// Throws     Error(write) naming the folder and the reason; the constructor also if the folder is there and
///            holds anything that is not in `replaceable`, so that no foreign file is ever removed.
/// Test       tests/src/model/test_checkpoint_save.cpp
class AtomicFolder {
 public:
  AtomicFolder(const std::filesystem::path& folder, const std::vector<std::string>& replaceable);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where to write the files.
  [[nodiscard]] const std::filesystem::path& draft() const noexcept { return draft_; }
  /// Puts the folder into its place, in one step where the file system can exchange two names.
  void commit();

 private:
  std::filesystem::path folder_;
  std::filesystem::path draft_;
};

}  // namespace lift
