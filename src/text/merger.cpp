#include "src/text/merger.hpp"

#include <algorithm>
#include <tuple>

namespace lift {
namespace {

constexpr std::int64_t kNone = -1;
constexpr Token kGone = -1;  ///< the token of a symbol that was joined to its left neighbour

std::uint64_t pair_key(Token left, Token right) {
  return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32U) | static_cast<std::uint32_t>(right);
}

constexpr auto kLater = [](const auto& a, const auto& b) {
  return std::tie(a.rank, a.left) > std::tie(b.rank, b.left);
};

}  // namespace

WordMerger::WordMerger(const Vocabulary& vocabulary) {
  for (Token id = 0; id < vocabulary.size(); ++id) {
    const auto& bytes = vocabulary.tokens[id];
    if (bytes.size() == 1) byte_tokens_[static_cast<unsigned char>(bytes.front())] = id;
  }
  merges_.reserve(vocabulary.merges.size());
  std::int32_t rank = 0;
  for (const auto& merge : vocabulary.merges) {
    merges_[pair_key(merge.left, merge.right)] = {rank++, merge.joined};
  }
}

const WordMerger::Ranked* WordMerger::merge_of(std::int64_t left) const {
  const auto& symbol = symbols_[left];
  if (symbol.token == kGone || symbol.next == kNone) return nullptr;
  const auto found = merges_.find(pair_key(symbol.token, symbols_[symbol.next].token));
  return found == merges_.end() ? nullptr : &found->second;
}

void WordMerger::propose(std::int64_t left) {
  if (left == kNone) return;
  const auto* const merge = merge_of(left);
  if (merge == nullptr) return;
  candidates_.push_back({merge->rank, left});
  std::push_heap(candidates_.begin(), candidates_.end(), kLater);
}

void WordMerger::join(std::int64_t left, Token joined) {
  auto& symbol = symbols_[left];
  auto& right = symbols_[symbol.next];
  symbol.token = joined;
  symbol.next = right.next;
  right.token = kGone;
  if (symbol.next != kNone) symbols_[symbol.next].previous = left;
}

void WordMerger::encode(std::string_view word, std::vector<Token>& out) {
  const auto length = static_cast<std::int64_t>(word.size());
  symbols_.clear();
  candidates_.clear();
  for (std::int64_t k = 0; k < length; ++k) {
    symbols_.push_back(
        {byte_tokens_[static_cast<unsigned char>(word[k])], k - 1, k + 1 < length ? k + 1 : kNone});
  }
  for (std::int64_t k = 0; k < length; ++k) propose(k);

  while (!candidates_.empty()) {
    std::pop_heap(candidates_.begin(), candidates_.end(), kLater);
    const auto candidate = candidates_.back();
    candidates_.pop_back();
    const auto* const merge = merge_of(candidate.left);
    if (merge == nullptr || merge->rank != candidate.rank) continue;  // one of its symbols was joined since
    join(candidate.left, merge->joined);
    propose(symbols_[candidate.left].previous);
    propose(candidate.left);
  }
  for (std::int64_t k = 0; k < length; k = symbols_[k].next == kNone ? length : symbols_[k].next) {
    out.push_back(symbols_[k].token);
  }
}

}  // namespace lift
