#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lift {

using Token = std::int32_t;

/// Two neighbouring tokens that become one; its rank is its place in Vocabulary::merges.
struct Merge {
  Token left = 0;
  Token right = 0;
  Token joined = 0;
};

/// A byte-level BPE as data: what vocab.json and merges.txt hold.
struct Vocabulary {
  std::vector<std::string> tokens;  ///< bytes of each token, by id
  std::vector<Merge> merges;        ///< by rank
  Token end_of_text = 0;

  [[nodiscard]] Token size() const noexcept { return static_cast<Token>(tokens.size()); }
};

inline constexpr std::string_view kEndOfText = "<|endoftext|>";

/// Reads vocab.json and merges.txt of `folder`.
///
/// Throws      Error(input), naming file and line or key, what is wrong and what was expected: a file that is
///             missing or malformed, a key twice, ids that are not 0 … size − 1 each once, a key that is not
///             in byte symbols, no token for one of the 256 bytes or for <|endoftext|>, a merge twice or of
///             tokens that are not in vocab.json.
/// Test        tests/src/text/test_vocabulary.cpp
Vocabulary load_vocabulary(const std::filesystem::path& folder);

/// Writes vocab.json and merges.txt in HF's form, making `folder` where it is missing. Throws Error(write).
void save_vocabulary(const Vocabulary& vocabulary, const std::filesystem::path& folder);

/// 128-bit hash (XXH3) of all tokens and merges, as 32 hexadecimal digits.
std::string fingerprint(const Vocabulary& vocabulary);

}  // namespace lift
