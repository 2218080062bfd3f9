#include "src/text/trainer.hpp"

#include <fmt/format.h>

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "mpi/error.hpp"
#include "src/text/byte_symbols.hpp"
#include "src/text/pretokenizer.hpp"

namespace lift {
namespace {

using Pair = std::pair<Token, Token>;

struct Word {
  std::vector<Token> tokens;
  std::int64_t count = 0;  ///< occurrences in the text
};

struct PairUse {
  std::int64_t count = 0;                 ///< occurrences in the text
  std::unordered_set<std::size_t> words;  ///< that hold it, or held it once
};

/// The distinct words of `text`, in alphabetical order so that nothing depends on a hash table's order.
std::vector<Word> distinct_words(std::string_view text, const Vocabulary& bytes) {
  const CharacterClasses classes;
  std::map<std::string_view, std::int64_t> counts;
  WordScanner scanner(text, classes);
  for (auto word = scanner.next(); !word.empty(); word = scanner.next()) ++counts[word];

  std::unordered_map<char, Token> token_of_byte;
  for (Token id = 0; id < bytes.size(); ++id) token_of_byte[bytes.tokens[id].front()] = id;
  std::vector<Word> words;
  for (const auto& [word, count] : counts) {
    words.push_back({{}, count});
    for (const char byte : word) words.back().tokens.push_back(token_of_byte[byte]);
  }
  return words;
}

/// Words with the counts of their neighbouring pairs, kept up to date while pairs are joined.
class PairCounts {
 public:
  explicit PairCounts(std::vector<Word> words) : words_(std::move(words)) {
    for (std::size_t w = 0; w < words_.size(); ++w) count(w, +1);
  }

  /// The most frequent pair, the smallest of equally frequent ones; count 0 if there is none.
  [[nodiscard]] std::pair<Pair, std::int64_t> most_frequent() const {
    std::pair<Pair, std::int64_t> best{{0, 0}, 0};
    for (const auto& [pair, use] : uses_) {
      if (use.count > best.second) best = {pair, use.count};
    }
    return best;
  }

  void join(const Pair& pair, Token joined) {
    const auto use = uses_.extract(pair);
    for (const auto w : use.mapped().words) {
      count(w, -1);
      join_in(words_[w].tokens, pair, joined);
      count(w, +1);
    }
    uses_.erase(pair);
  }

 private:
  void count(std::size_t w, int sign) {
    const auto& [tokens, occurrences] = words_[w];
    for (std::size_t k = 0; k + 1 < tokens.size(); ++k) {
      auto& use = uses_[{tokens[k], tokens[k + 1]}];
      use.count += sign * occurrences;
      use.words.insert(w);
    }
  }

  static void join_in(std::vector<Token>& tokens, const Pair& pair, Token joined) {
    std::size_t kept = 0;
    for (std::size_t k = 0; k < tokens.size(); ++kept) {
      const bool here = k + 1 < tokens.size() && Pair{tokens[k], tokens[k + 1]} == pair;
      tokens[kept] = here ? joined : tokens[k];
      k += here ? 2 : 1;
    }
    tokens.resize(kept);
  }

  std::vector<Word> words_;
  std::map<Pair, PairUse> uses_;  ///< in the order of the pairs, so that a tie goes to the smaller one
};

}  // namespace

Vocabulary train_vocabulary(std::string_view text, int size) {
  constexpr int kSmallest = 257;
  if (size < kSmallest) {
    throw Error(ExitCode::usage,
                fmt::format("a vocabulary of {} entries: expected at least {}", size, kSmallest));
  }
  Vocabulary vocabulary;
  for (const char byte : bytes_in_id_order()) vocabulary.tokens.emplace_back(1, byte);
  PairCounts pairs(distinct_words(text, vocabulary));
  std::unordered_map<std::string, Token> ids;
  while (vocabulary.size() < size - 1) {
    const auto [pair, count] = pairs.most_frequent();
    if (count == 0) {
      throw Error(ExitCode::input, fmt::format("a vocabulary of {} entries: the text gives only {}", size,
                                               vocabulary.size() + 1));
    }
    const auto bytes = vocabulary.tokens[pair.first] + vocabulary.tokens[pair.second];
    if (bytes == kEndOfText) {
      throw Error(ExitCode::input,
                  fmt::format("the text repeats {}, which must stay out of its words", bytes));
    }
    // Two pairs can join to the same bytes (a·bc and ab·c): both merges then lead to one token.
    const auto [known, is_new] = ids.emplace(bytes, vocabulary.size());
    if (is_new) vocabulary.tokens.push_back(bytes);
    pairs.join(pair, known->second);
    vocabulary.merges.push_back({pair.first, pair.second, known->second});
  }
  vocabulary.end_of_text = vocabulary.size();
  vocabulary.tokens.emplace_back(kEndOfText);
  return vocabulary;
}

}  // namespace lift
