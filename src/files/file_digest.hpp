#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace lift {

/// Size and XXH3-128 of a file's bytes, the latter in 32 hexadecimal digits as `xxhsum -H2` prints it.
struct FileDigest {
  std::int64_t bytes = 0;
  std::string xxh3_128;
  friend bool operator==(const FileDigest&, const FileDigest&) = default;
};

/// Throws  Error(input) naming the file and the reason if it cannot be read.
/// Cost    one read of the file. Test tests/src/report/test_provenance.cpp
[[nodiscard]] FileDigest digest_file(const std::filesystem::path& file);

}  // namespace lift
