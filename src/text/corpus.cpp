#include "src/text/corpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <system_error>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/text/pretokenizer.hpp"
#include "src/text/token_cache.hpp"

namespace lift {
namespace {

constexpr std::array kSplits{Split::train, Split::valid, Split::test};

/// Tokens of the split's text, from the cache where it has them. Rank 0 only.
std::vector<Token> read_tokens(const CorpusOptions& options, const std::filesystem::path& file,
                               Tokenizer& tokenizer) {
  const auto warn = [&](const std::string& line) {
    if (options.warn) options.warn(line);
  };
  const std::string text = read_file(file);
  if (const auto offset = first_invalid_utf8(text); offset >= 0) {
    warn(fmt::format("{}: invalid UTF-8 at byte {}: such bytes are encoded as they are", file.string(),
                     offset));
  }
  const TokenCache cache(options.cache, warn);
  const auto key = TokenCache::key(text, tokenizer);
  if (auto cached = cache.find(key, tokenizer.size())) return std::move(*cached);
  auto tokens = encode_lines(text, tokenizer);
  cache.publish(key, tokens);
  return tokens;
}

std::string absolute_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? value : "";
}

/// How many sequences of the split are wanted.
std::int64_t wanted_sequences(const CorpusOptions& options, Split split, std::int64_t available) {
  const auto limit = split == Split::train ? options.train_limit : options.limit;
  return std::clamp<std::int64_t>(limit.value_or(available), 0, available);
}

/// The tokens of the wanted sequences. Rank 0 only.
std::vector<Token> wanted_tokens(const CorpusOptions& options, Split split, Tokenizer& tokenizer) {
  const auto file = split_file(options.folder, split);
  auto tokens = read_tokens(options, file, tokenizer);
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (count < options.length) {
    throw Error(ExitCode::input, fmt::format("{}: {} tokens, expected at least one sequence of {}",
                                             file.string(), count, options.length));
  }
  tokens.resize(
      static_cast<std::size_t>(wanted_sequences(options, split, count / options.length) * options.length));
  return tokens;
}

}  // namespace

const char* to_string(Split split) noexcept {
  switch (split) {
    case Split::train:
      return "train";
    case Split::valid:
      return "valid";
    case Split::test:
      break;
  }
  return "test";
}

Split split_from(const std::string& name) {
  for (const auto split : kSplits) {
    if (name == to_string(split)) return split;
  }
  throw Error(ExitCode::usage, fmt::format("no split is called \"{}\": expected train, valid or test", name));
}

SequenceSet::SequenceSet(std::vector<Token> tokens, int length)
    : tokens_(std::move(tokens)), length_(length) {
  if (length < 1)
    throw Error(ExitCode::usage, fmt::format("sequences of {} tokens: expected at least 1", length));
  size_ = static_cast<std::int64_t>(tokens_.size()) / length;
  tokens_.resize(static_cast<std::size_t>(size_ * length));
}

std::span<const Token> SequenceSet::operator[](std::int64_t i) const noexcept {
  return std::span(tokens_).subspan(static_cast<std::size_t>(i * length_), static_cast<std::size_t>(length_));
}

SequenceSet SequenceSet::first(std::int64_t count) const {
  const auto kept = std::clamp<std::int64_t>(count, 0, size_);
  return {std::vector<Token>(tokens_.begin(), tokens_.begin() + kept * length_), length_};
}

std::filesystem::path default_cache_folder() {
  if (const auto cache = absolute_variable("XDG_CACHE_HOME"); !cache.empty()) {
    return std::filesystem::path(cache) / "lift";
  }
  if (const auto home = absolute_variable("HOME"); !home.empty()) {
    return std::filesystem::path(home) / ".cache" / "lift";
  }
  return {};
}

std::filesystem::path split_file(const std::filesystem::path& folder, Split split) {
  const auto raw = folder / fmt::format("wiki.{}.raw", to_string(split));
  const auto plain = folder / fmt::format("{}.txt", to_string(split));
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw Error(ExitCode::input,
                fmt::format("{}: no such folder, expected the data's folder", folder.string()));
  }
  for (const auto& file : {raw, plain}) {
    if (std::filesystem::exists(file, ignored)) return file;
  }
  throw Error(ExitCode::input,
              fmt::format("{}: no {} split, expected {} or {}", folder.string(), to_string(split),
                          raw.filename().string(), plain.filename().string()));
}

std::vector<Token> encode_lines(std::string_view text, Tokenizer& tokenizer) {
  std::vector<Token> tokens;
  while (!text.empty()) {
    const auto newline = text.find('\n');
    const auto line = text.substr(0, newline == std::string_view::npos ? newline : newline + 1);
    text.remove_prefix(line.size());
    if (is_blank(line)) continue;
    tokenizer.encode(line, tokens);
    tokens.push_back(tokenizer.end_of_text());
  }
  return tokens;
}

SequenceSet load_split(const CorpusOptions& options, Split split, Tokenizer& tokenizer,
                       const Communicator& comm) {
  std::vector<Token> tokens;
  agree(comm, [&] {
    constexpr int kShortest = 2;
    if (options.length < kShortest) {
      throw Error(ExitCode::usage,
                  fmt::format("--length {}: expected at least {}", options.length, kShortest));
    }
    if (comm.is_root()) tokens = wanted_tokens(options, split, tokenizer);
  });
  std::int64_t count = static_cast<std::int64_t>(tokens.size());
  broadcast(host_buffer(std::span(&count, 1)), 0, comm);
  tokens.resize(static_cast<std::size_t>(count));
  broadcast(host_buffer(std::span(tokens)), 0, comm);
  return {std::move(tokens), options.length};
}

}  // namespace lift
