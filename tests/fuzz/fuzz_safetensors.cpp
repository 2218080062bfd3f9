#include <string>

#include "src/model/safetensors.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace lift {
namespace {

/// Every byte that an accepted header promises must be there.
void read(const SafetensorsFile& file, std::size_t size) {
  std::size_t bytes = 0;
  for (const auto& [name, entry] : file.entries()) {
    std::size_t expected = size_of(entry.type);
    for (const auto extent : entry.shape) expected *= static_cast<std::size_t>(extent);
    require(entry.bytes.size() == expected, "bytes that do not match type and shape");
    require(&file.at(name) == &entry, "a tensor that is not found by its name");
    unsigned sum = 0;
    for (const auto byte : entry.bytes) sum += std::to_integer<unsigned>(byte);
    require(sum <= 255U * entry.bytes.size(), "unreadable bytes");
    bytes += entry.bytes.size();
  }
  require(bytes <= size, "more bytes than the file has");
}

/// The input with a length of its header that reaches to the last brace, which a mutation seldom hits.
std::string with_length_set(std::string_view text) {
  constexpr std::size_t kLengthBytes = 8;
  std::string mended(text);
  const auto brace = text.rfind('}');
  if (brace == std::string_view::npos || brace < kLengthBytes) return mended;
  const std::size_t length = brace + 1 - kLengthBytes;
  for (std::size_t k = 0; k < kLengthBytes; ++k) mended[k] = static_cast<char>(length >> (8 * k));
  return mended;
}

}  // namespace
}  // namespace lift

/// A safetensors file, as it is and with the length of its header set right.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lift;
  const auto text = text_of(data, size);
  for (const auto& bytes : {std::string(text), with_length_set(text)}) {
    const auto path = put("t.safetensors", bytes);
    is_parsed([&] { read(SafetensorsFile(path), size); });
  }
  return 0;
}
