#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace lift {

/// Tokens as nanoGPT writes them: uint16, little-endian.
inline std::string raw_tokens(const std::vector<int>& tokens) {
  std::string bytes;
  for (const int token : tokens) {
    bytes.push_back(static_cast<char>(token & 0xFF));
    bytes.push_back(static_cast<char>(token >> 8));
  }
  return bytes;
}

/// llm.c's header, as it says; the tokens follow it.
inline std::string llmc_header(std::int32_t magic, std::int32_t version, std::int32_t count) {
  std::string bytes;
  for (const std::int32_t number : {magic, version, count}) {
    for (unsigned k = 0; k < 4; ++k)
      bytes.push_back(static_cast<char>(static_cast<std::uint32_t>(number) >> (8 * k)));
  }
  bytes.resize(1024);
  return bytes;
}

/// A file as llm.c writes it.
inline std::string llmc_tokens(const std::vector<int>& tokens) {
  return llmc_header(20240520, 1, static_cast<std::int32_t>(tokens.size())) + raw_tokens(tokens);
}

}  // namespace lift
