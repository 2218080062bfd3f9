#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/text/split_files.hpp"
#include "src/text/tokenizer.hpp"

namespace lift {

/// Sequences of one split, all of `length` tokens, in the order of the text.
class SequenceSet {
 public:
  SequenceSet() = default;
  SequenceSet(std::vector<Token> tokens, int length);  ///< the remainder is dropped
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  [[nodiscard]] int length() const noexcept { return length_; }
  [[nodiscard]] std::span<const Token> operator[](std::int64_t i) const noexcept;
  /// XXH3-128 of all tokens in order, 32 hexadecimal digits.
  [[nodiscard]] std::string digest() const;
  /// The first `count` sequences (all of them if there are fewer).
  [[nodiscard]] SequenceSet first(std::int64_t count) const;
  /// `count` sequences, evenly apart from the first on (all of them if there are fewer).
  [[nodiscard]] SequenceSet spread(std::int64_t count) const;

 private:
  std::vector<Token> tokens_;
  int length_ = 0;
  std::int64_t size_ = 0;
};

struct CorpusOptions {
  std::filesystem::path folder;                  ///< --data
  std::filesystem::path cache;                   ///< --cache; empty: no cache
  int length = 512;                              ///< tokens a sequence, ≥ 2
  std::optional<std::int64_t> limit;             ///< of valid and test
  std::optional<std::int64_t> train_limit;       ///< of train
  std::function<void(const std::string&)> warn;  ///< called on rank 0, one line each
};

/// $XDG_CACHE_HOME/lift, or ~/.cache/lift; empty (no cache) where neither variable is an absolute path.
std::filesystem::path default_cache_folder();

/// Tokens of `text` as a split's text is prepared: each line that is not blank, with its newline (a last line
/// may lack one), encoded by itself, then one end-of-text.
std::vector<Token> encode_lines(std::string_view text, Tokenizer& tokenizer);

/// Tokens of a .jsonl file: each document's lines that are not blank, with their newlines, each encoded by
/// itself, then one end-of-text a document; a document without such a line gives nothing.
///
/// Throws      Error(input) as for_each_document: `where`, the line, what is wrong and what was expected.
std::vector<Token> encode_documents(std::string_view jsonl, const std::string& where, Tokenizer& tokenizer);

/// Sequences of a split: the tokens of split_files(), joined and cut into `options.length` tokens.
///
/// Method      text (.raw, .txt) by encode_lines, .jsonl by encode_documents, .bin as the tokens it holds.
///             Rank 0 reads, text's tokens from the cache if they are there (see TokenCache); the others
///             receive the sequences that the limits leave. Invalid UTF-8 in a text is one warning that
///             names file and offset, whether the tokens were cached or not; so is a meta.pkl beside .bin
///             files, which nanoGPT writes for a vocabulary of its own.
/// Collective  on `comm`.
/// Throws      AgreedError(input) if a file is missing, unreadable or not what it should be (see split_files,
///             for_each_document, TokenFiles), or holds fewer tokens than one sequence; AgreedError(usage) if
///             options.length < 2.
/// Cost        reads a text whole; a cache hit spares the encoding (0.4 s for WikiText-2). Of .bin files only
///             what the limits leave is read, 4 bytes of memory a token.
/// Test        tests/src/text/test_corpus.cpp, tests/src/text/test_token_files.cpp (1, 2 ranks)
SequenceSet load_split(const CorpusOptions& options, Split split, Tokenizer& tokenizer,
                       const Communicator& comm);

}  // namespace lift
