#include "src/text/corpus.hpp"
#include "src/text/content_hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/text/json_documents.hpp"
#include "src/text/pretokenizer.hpp"
#include "src/text/token_cache.hpp"
#include "src/text/token_files.hpp"

namespace lift {
namespace {

std::vector<Token> encode(const std::string& text, SplitForm form, const std::filesystem::path& file,
                          Tokenizer& tokenizer) {
  return form == SplitForm::lines ? encode_lines(text, tokenizer)
                                  : encode_documents(text, file.string(), tokenizer);
}

/// Tokens of the split's text, from the cache where it has them. Rank 0 only.
std::vector<Token> read_text(const CorpusOptions& options, const std::filesystem::path& file, SplitForm form,
                             Tokenizer& tokenizer) {
  const auto warn = [&](const std::string& line) {
    if (options.warn) options.warn(line);
  };
  const std::string text = read_file(file);
  const auto offset = form == SplitForm::lines ? first_invalid_utf8(text) : -1;
  if (offset >= 0) {
    warn(fmt::format("{}: invalid UTF-8 at byte {}: such bytes are encoded as they are", file.string(),
                     offset));
  }
  const TokenCache cache(options.cache, warn);
  const auto key = TokenCache::key(text, form, tokenizer);
  if (auto cached = cache.find(key, tokenizer.size())) return std::move(*cached);
  auto tokens = encode(text, form, file, tokenizer);
  cache.publish(key, tokens);
  return tokens;
}

std::string absolute_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? value : "";
}

/// Calls `take` with each line that is not blank, with its newline.
template <class Take>
void for_each_line(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const auto newline = text.find('\n');
    const auto line = text.substr(0, newline == std::string_view::npos ? newline : newline + 1);
    text.remove_prefix(line.size());
    if (!is_blank(line)) take(line);
  }
}

/// Of `available` tokens, those of the sequences that are wanted.
std::int64_t wanted_count(const CorpusOptions& options, Split split, std::int64_t available,
                          const std::vector<std::filesystem::path>& files) {
  if (available < options.length) {
    const auto others = files.size() == 1 ? "" : fmt::format(" (first of {} files)", files.size());
    throw Error(ExitCode::input, fmt::format("{}{}: {} tokens, expected at least one sequence of {}",
                                             files.front().string(), others, available, options.length));
  }
  const auto sequences = available / options.length;
  const auto limit = split == Split::train ? options.train_limit : options.limit;
  return std::clamp<std::int64_t>(limit.value_or(sequences), 0, sequences) * options.length;
}

void warn_of_other_vocabulary(const CorpusOptions& options, const std::filesystem::path& file) {
  std::error_code ignored;
  if (!options.warn || !std::filesystem::exists(options.folder / "meta.pkl", ignored)) return;
  options.warn(
      fmt::format("{}: meta.pkl beside it speaks of a vocabulary of its own (nanoGPT's of characters), "
                  "but its tokens are read as the model's",
                  file.string()));
}

/// The tokens of the wanted sequences. Rank 0 only.
std::vector<Token> wanted_tokens(const CorpusOptions& options, Split split, Tokenizer& tokenizer) {
  const auto [form, paths] = split_files(options.folder, split);
  if (form == SplitForm::tokens) {
    warn_of_other_vocabulary(options, paths.front());
    const TokenFiles files(paths);
    return files.first(wanted_count(options, split, files.size(), paths), tokenizer.size());
  }
  auto tokens = read_text(options, paths.front(), form, tokenizer);
  const auto available = static_cast<std::int64_t>(tokens.size());
  tokens.resize(static_cast<std::size_t>(wanted_count(options, split, available, paths)));
  return tokens;
}

}  // namespace

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

std::string SequenceSet::digest() const {
  const auto used = static_cast<std::size_t>(size_) * static_cast<std::size_t>(length_);
  ContentHash hash;
  hash.add_number(length_);
  hash.add_text({reinterpret_cast<const char*>(tokens_.data()), used * sizeof(Token)});
  return hash.hex();
}

SequenceSet SequenceSet::first(std::int64_t count) const {
  const auto kept = std::clamp<std::int64_t>(count, 0, size_);
  return {std::vector<Token>(tokens_.begin(), tokens_.begin() + kept * length_), length_};
}

SequenceSet SequenceSet::spread(std::int64_t count) const {
  const auto kept = std::clamp<std::int64_t>(count, 0, size_);
  std::vector<Token> tokens;
  tokens.reserve(static_cast<std::size_t>(kept * length_));
  for (std::int64_t k = 0; k < kept; ++k) {
    const auto sequence = (*this)[k * size_ / kept];
    tokens.insert(tokens.end(), sequence.begin(), sequence.end());
  }
  return {std::move(tokens), length_};
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

std::vector<Token> encode_lines(std::string_view text, Tokenizer& tokenizer) {
  std::vector<Token> tokens;
  for_each_line(text, [&](std::string_view line) {
    tokenizer.encode(line, tokens);
    tokens.push_back(tokenizer.end_of_text());
  });
  return tokens;
}

std::vector<Token> encode_documents(std::string_view jsonl, const std::string& where, Tokenizer& tokenizer) {
  std::vector<Token> tokens;
  for_each_document(jsonl, where, [&](std::string_view document) {
    const auto before = tokens.size();
    for_each_line(document, [&](std::string_view line) { tokenizer.encode(line, tokens); });
    if (tokens.size() > before) tokens.push_back(tokenizer.end_of_text());
  });
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
