#pragma once
#include <filesystem>
#include <string_view>

namespace lift {

/// Writes a small file whole or not at all: beside it as `path`.tmp, synced, then renamed into place.
///
/// A reader sees the old content or the new, never a part; what a killed run left as .tmp is overwritten.
/// Collective  never; call on one rank.
/// Throws      Error(write) naming the file and the system's reason; the .tmp is gone then.
/// Test        tests/src/report/test_atomic_file.cpp, with a full disk
void write_atomically(const std::filesystem::path& path, std::string_view content);

/// Makes `folder` and its parents where they are missing. Throws Error(write) naming folder and reason.
void make_folder(const std::filesystem::path& folder);

}  // namespace lift
