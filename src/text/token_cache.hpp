#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/text/split_files.hpp"
#include "src/text/tokenizer.hpp"

namespace lift {

/// A folder of prepared token lists, each under the hash of what it was made from.
///
/// An entry is a file `tokens-HASH.bin`: a header (magic, version, hash, count, checksum), then the tokens as
/// int32. It appears by a rename, so that no reader meets half an entry and any number of runs may share the
/// folder. Nothing here fails a run: what cannot be read or written is a warning.
/// Limits      for one rank at a time (rank 0 of a run).
/// Test        tests/src/text/test_corpus.cpp
class TokenCache {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// An empty `folder` means no cache.
  TokenCache(std::filesystem::path folder, Warn warn) : folder_(std::move(folder)), warn_(std::move(warn)) {}

  /// Hash of everything that decides the tokens: text, its form, vocabulary and the way of preparation.
  static std::string key(std::string_view text, SplitForm form, const Tokenizer& tokenizer);
  [[nodiscard]] std::filesystem::path entry(const std::string& key) const;

  /// Tokens of `key`, all below `vocabulary_size`; nothing if there is no entry, or, after a warning, a
  /// damaged or unreadable one.
  [[nodiscard]] std::optional<std::vector<Token>> find(const std::string& key, int vocabulary_size) const;
  /// Publishes `tokens` under `key`, in the place of a damaged entry too.
  void publish(const std::string& key, const std::vector<Token>& tokens) const;

 private:
  std::filesystem::path folder_;
  Warn warn_;
};

}  // namespace lift
