#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace lift {

/// The bytes of a file. Throws Error(input), naming it, if it is missing, a folder or unreadable.
std::string read_file(const std::filesystem::path& file);

/// Replaces `file` by `content`, making its folder where that is missing. Throws Error(write), naming it.
void write_file(const std::filesystem::path& file, std::string_view content);

}  // namespace lift
