#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "mpi/error.hpp"

/// What each target defines: reads one input; a fault ends the process.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace lift {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Whether `parse` took the input: it may instead throw an Error of one of `codes` whose message is one short
/// line, and a printable one where a file is at fault. Anything else, any other exception too, ends the
/// process.
bool is_parsed(const std::function<void()>& parse, std::initializer_list<ExitCode> codes = {ExitCode::input});

/// Ends the process, saying `what`, unless `holds`.
void require(bool holds, std::string_view what);

/// A folder in memory, made at its first use and removed when the process ends.
const std::filesystem::path& fuzz_folder();

/// Writes a file of fuzz_folder(), without syncs.
std::filesystem::path put(const std::string& name, std::string_view bytes);

}  // namespace lift
