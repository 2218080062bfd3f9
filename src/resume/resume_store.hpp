#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "src/resume/resume_point.hpp"

namespace lift {

/// The resume points of one run: resume-000001, resume-000002, … in its checkpoint folder.
///
/// Collective  never: rank 0 alone has one.
/// Test        tests/src/resume/test_resume_store.cpp
class ResumeStore {
 public:
  /// `keep`: how many of the newest stay when a new one is published, ≥ 1.
  ResumeStore(std::filesystem::path folder, int keep);

  /// Writes the next one (write_resume_point), numbers it, and removes those that are too many: DONE first,
  /// so that none is ever half there. Throws Error(write); the others are then as they were.
  void publish(ResumePoint point);

  struct Found {
    std::filesystem::path folder;
    ResumePoint point;
  };
  /// The newest that is whole; adds a line to `passed_over` for each newer one that is not, with the reason.
  [[nodiscard]] std::optional<Found> newest(std::vector<std::string>& passed_over) const;
  /// Folders of all that were published or begun, the newest first.
  [[nodiscard]] std::vector<std::filesystem::path> all() const;
  /// Whether any has its DONE, whole or not.
  [[nodiscard]] bool has_published() const;
  /// Removes what a writer that was killed left: drafts, and folders without DONE.
  void remove_unpublished() const;
  /// Removes all of them: the run is at its end.
  void clear() const;

 private:
  std::filesystem::path folder_;
  int keep_;
};

}  // namespace lift
