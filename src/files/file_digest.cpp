#include "src/files/file_digest.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <vector>

#include "mpi/error.hpp"

namespace lift {
namespace {

struct FreeState {
  void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
};

}  // namespace

FileDigest digest_file(const std::filesystem::path& file) {
  constexpr std::size_t kChunk = std::size_t{1} << 20U;
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  const std::unique_ptr<XXH3_state_t, FreeState> state(XXH3_createState());
  if (!state) throw std::bad_alloc();
  XXH3_128bits_reset(state.get());
  std::vector<char> chunk(kChunk);
  FileDigest digest;
  while (stream.read(chunk.data(), kChunk) || stream.gcount() > 0) {
    XXH3_128bits_update(state.get(), chunk.data(), static_cast<std::size_t>(stream.gcount()));
    digest.bytes += stream.gcount();
  }
  if (!stream.eof()) {
    throw Error(ExitCode::input, fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno)));
  }
  const auto value = XXH3_128bits_digest(state.get());
  digest.xxh3_128 = fmt::format("{:016x}{:016x}", value.high64, value.low64);
  return digest;
}

}  // namespace lift
