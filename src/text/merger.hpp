#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/text/vocabulary.hpp"

namespace lift {

/// Turns one word into tokens: from single bytes, again and again joins the neighbours whose merge has the
/// lowest rank, the leftmost first.
///
/// Method      Sennrich, Haddow and Birch 2016, with a linked list of symbols and a heap of candidate merges;
///             ties and stale candidates as in HF's `tokenizers`.
/// Cost        O(b log b) for a word of b bytes.
/// Test        tests/src/text/test_tokenizer.cpp
class WordMerger {
 public:
  explicit WordMerger(const Vocabulary& vocabulary);
  /// Appends the tokens of `word` to `out`.
  void encode(std::string_view word, std::vector<Token>& out);

 private:
  struct Ranked {
    std::int32_t rank;
    Token joined;
  };
  struct Symbol {
    Token token;
    std::int64_t previous;
    std::int64_t next;  ///< kNone behind the last
  };
  struct Candidate {
    std::int32_t rank;
    std::int64_t left;  ///< index of the left symbol
  };
  [[nodiscard]] const Ranked* merge_of(std::int64_t left) const;
  void propose(std::int64_t left);
  void join(std::int64_t left, Token joined);

  std::array<Token, 256> byte_tokens_{};
  std::unordered_map<std::uint64_t, Ranked> merges_;  ///< by the pair of tokens
  std::vector<Symbol> symbols_;
  std::vector<Candidate> candidates_;  ///< a heap, the next merge on top
};

}  // namespace lift
