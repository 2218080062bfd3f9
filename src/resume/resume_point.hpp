#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "src/resume/section.hpp"

namespace lift {

/// Everything that a run needs to go on from where it was left.
struct ResumePoint {
  std::int64_t number = 0;                      ///< from 1, in the order of writing
  std::string where;                            ///< for a reader: "warm-up, step 120 of 400"
  int ranks = 1;                                ///< of the run that wrote it
  std::string written;                          ///< ISO 8601, UTC
  std::map<std::string, std::string> identity;  ///< what a run that goes on must have in common with it
  std::map<std::string, Section> sections;      ///< by the part of the run that they belong to
};

/// A folder with one resume point, there whole or not at all.
///
/// Form    state.safetensors (a tensor of section S as "S/NAME"), manifest.json (all else, and size and
/// XXH3-128
///         of state.safetensors), DONE (XXH3-128 of manifest.json). Each file is synced, the folder filled
///         beside its place and renamed into it, its parent synced; DONE is made last, in place. A folder
///         without it was never published.
/// Throws  Error(write) naming the file and the reason, and leaves nothing behind.
/// Test    tests/src/resume/test_resume_point.cpp: round trip, a disk full at every length, every byte of
///         either file changed
void write_resume_point(const std::filesystem::path& folder, const ResumePoint& point);

/// Throws  Error(input) naming the file and what is wrong with it: no DONE, another manifest, a file of
/// another
///         size or digest, another schema.
/// Cost    two reads of state.safetensors, and its tensors in memory.
[[nodiscard]] ResumePoint read_resume_point(const std::filesystem::path& folder);

}  // namespace lift
