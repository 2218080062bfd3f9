#include "src/text/token_cache.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/text/content_hash.hpp"

namespace lift {
namespace {

constexpr std::int64_t kVersion = 1;  ///< of the entry's form and of the way tokens are prepared

struct Header {
  std::array<char, 8> magic{'L', 'I', 'F', 'T', 'T', 'O', 'K', '\n'};
  std::int64_t version = kVersion;
  std::array<char, 32> key{};
  std::int64_t count = 0;
  std::uint64_t checksum = 0;  ///< XXH3-64 of the tokens' bytes
};
static_assert(sizeof(Header) == 64);

std::string bytes_of(const std::vector<Token>& tokens) {
  return {reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(Token)};
}

Header header_for(const std::string& key, std::string_view token_bytes) {
  Header header;
  std::copy_n(key.begin(), std::min(key.size(), header.key.size()), header.key.begin());
  header.count = static_cast<std::int64_t>(token_bytes.size() / sizeof(Token));
  header.checksum = XXH3_64bits(token_bytes.data(), token_bytes.size());
  return header;
}

/// The tokens of an entry's bytes, or nothing if they are not what publish() wrote under `key`.
std::optional<std::vector<Token>> parse_entry(std::string_view content, const std::string& key,
                                              int vocabulary_size) {
  if (content.size() < sizeof(Header) || (content.size() - sizeof(Header)) % sizeof(Token) != 0) return {};
  const auto token_bytes = content.substr(sizeof(Header));
  const Header expected = header_for(key, token_bytes);
  if (std::memcmp(content.data(), &expected, sizeof expected) != 0) return {};
  std::vector<Token> tokens(token_bytes.size() / sizeof(Token));
  std::memcpy(tokens.data(), token_bytes.data(), token_bytes.size());
  const auto known = [&](Token token) { return token >= 0 && token < vocabulary_size; };
  if (!std::all_of(tokens.begin(), tokens.end(), known)) return {};
  return tokens;
}

}  // namespace

std::string TokenCache::key(std::string_view text, SplitForm form, const Tokenizer& tokenizer) {
  ContentHash hash;
  hash.add_number(kVersion);
  hash.add_number(static_cast<std::int64_t>(form));
  hash.add_text(tokenizer.fingerprint());
  hash.add_text(text);
  return hash.hex();
}

std::filesystem::path TokenCache::entry(const std::string& key) const {
  return folder_ / fmt::format("tokens-{}.bin", key);
}

std::optional<std::vector<Token>> TokenCache::find(const std::string& key, int vocabulary_size) const {
  std::error_code ignored;
  if (folder_.empty() || !std::filesystem::exists(entry(key), ignored)) return {};
  try {
    auto tokens = parse_entry(read_file(entry(key)), key, vocabulary_size);
    if (!tokens) warn_(fmt::format("{}: damaged token cache entry, made again", entry(key).string()));
    return tokens;
  } catch (const Error& error) {
    warn_(fmt::format("token cache: {}", error.what()));
    return {};
  }
}

void TokenCache::publish(const std::string& key, const std::vector<Token>& tokens) const {
  if (folder_.empty()) return;
  const auto token_bytes = bytes_of(tokens);
  const Header header = header_for(key, token_bytes);
  std::string content(reinterpret_cast<const char*>(&header), sizeof header);
  content += token_bytes;
  try {
    make_folder(folder_);
    write_file(entry(key), content);
  } catch (const Error& error) {
    warn_(fmt::format("tokens are not cached: {}", error.what()));
  }
}

}  // namespace lift
