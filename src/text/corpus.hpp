#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/text/tokenizer.hpp"

namespace lift {

enum class Split { train, valid, test };
[[nodiscard]] const char* to_string(Split split) noexcept;
/// Throws Error(usage) unless `name` is train, valid or test.
Split split_from(const std::string& name);

/// Sequences of one split, all of `length` tokens, in the order of the text.
class SequenceSet {
 public:
  SequenceSet() = default;
  SequenceSet(std::vector<Token> tokens, int length);  ///< the remainder is dropped
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  [[nodiscard]] int length() const noexcept { return length_; }
  [[nodiscard]] std::span<const Token> operator[](std::int64_t i) const noexcept;
  /// The first `count` sequences (all of them if there are fewer).
  [[nodiscard]] SequenceSet first(std::int64_t count) const;

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

/// File of a split in `folder`: wiki.{split}.raw, else {split}.txt (the first where both are). Throws
/// Error(input) naming both if neither is there.
std::filesystem::path split_file(const std::filesystem::path& folder, Split split);

/// Tokens of `text` as every split is prepared: each line that is not blank, with its newline (a last line
/// may lack one), encoded by itself, then one end-of-text.
std::vector<Token> encode_lines(std::string_view text, Tokenizer& tokenizer);

/// Sequences of a split: its text by encode_lines, cut into `options.length` tokens.
///
/// Rank 0 reads the file, and its tokens from the cache if they are there (see TokenCache); the others
/// receive the sequences that the limits leave. Invalid UTF-8 is one warning that names file and offset,
/// whether the tokens were cached or not.
///
/// Collective  on `comm`.
/// Throws      AgreedError(input) if the file is missing or unreadable, or holds fewer tokens than one
///             sequence; AgreedError(usage) if options.length < 2.
/// Cost        reads the text whole; a cache hit spares the encoding (0.4 s for WikiText-2).
/// Test        tests/src/text/test_corpus.cpp (1, 2 ranks)
SequenceSet load_split(const CorpusOptions& options, Split split, Tokenizer& tokenizer,
                       const Communicator& comm);

}  // namespace lift
