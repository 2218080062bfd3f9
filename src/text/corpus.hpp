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

/// File of a split in `folder`: wiki.{split}.raw, else {split}.txt. Throws Error(input) naming both if
/// neither is there.
std::filesystem::path split_file(const std::filesystem::path& folder, Split split);

/// Tokens of a split: each non-empty line with its newline, then one end-of-text; cut into sequences.
///
/// Rank 0 reads the file or its cache entry (keyed by the content of the text and of the vocabulary, written
/// atomically; an unwritable cache is a warning), the others receive.
/// Collective  on `comm`.
/// Throws      AgreedError(input) if the file is missing or unreadable, or holds fewer tokens than one
/// sequence. Test        tests/src/text/test_corpus.cpp (1, 2 ranks)
SequenceSet load_split(const CorpusOptions& options, Split split, Tokenizer& tokenizer,
                       const Communicator& comm);

}  // namespace lift
