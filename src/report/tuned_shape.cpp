#include "src/report/tuned_shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <string_view>

namespace lift {
namespace {

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && rest == end ? std::optional(value) : std::nullopt;
}

/// "1:1,7:0" and "1,7": numbers with what stands behind each colon; nothing where one of them is none.
std::optional<std::map<int, int>> pairs_of(std::string_view text) {
  std::map<int, int> pairs;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    const std::size_t colon = item.find(':');
    const auto key = whole_number(item.substr(0, colon));
    const auto value = colon == std::string_view::npos ? 1 : whole_number(item.substr(colon + 1));
    if (!key || !value) return std::nullopt;
    pairs[*key] = *value;
  }
  return pairs;
}

std::string_view text_of(const RunOptions& options, const char* name) {
  const auto found = options.find(name);
  return found == options.end() ? std::string_view() : found->second;
}

std::optional<std::vector<int>> blocks_of(const RunOptions& options) {
  if (const auto first = whole_number(text_of(options, "tune.first-blocks"))) {
    std::vector<int> blocks(static_cast<std::size_t>(std::max(0, *first)));
    std::iota(blocks.begin(), blocks.end(), 0);
    return blocks;
  }
  const auto named = pairs_of(text_of(options, "tune.blocks"));
  if (!named || named->empty()) return std::nullopt;
  std::vector<int> blocks;
  for (const auto& [block, ignored] : *named) blocks.push_back(block);
  return blocks;
}

void add_groups(std::vector<std::string>& names, const std::string& of, int count) {
  for (int k = 1; k <= count; ++k) names.push_back(count == 1 ? of : fmt::format("{}, group {}", of, k));
}

}  // namespace

std::optional<TunedShape> tuned_shape(const std::optional<RunOptions>& options) {
  if (!options) return std::nullopt;
  const auto blocks = blocks_of(*options);
  const auto mlp = pairs_of(text_of(*options, "tune.mlp-only"));
  const auto wanted = pairs_of(text_of(*options, "tune.regularizers"));
  if (!blocks || !mlp || !wanted) return std::nullopt;
  TunedShape shape{
      .blocks = static_cast<int>(blocks->size()), .mlp_only = static_cast<int>(mlp->size()), .groups = {}};
  add_groups(shape.groups, "embeddings", whole_number(text_of(*options, "tune.embeddings")).value_or(0));
  for (const int block : *blocks) {
    const auto found = wanted->find(block);
    add_groups(shape.groups, fmt::format("block {}", block), found == wanted->end() ? 1 : found->second);
  }
  return shape;
}

std::vector<std::string> group_names(const KeptRun& run, std::size_t p) {
  const auto shape = tuned_shape(run.options);
  if (shape && shape->groups.size() == p) return shape->groups;
  std::vector<std::string> names;
  for (std::size_t k = 1; k <= p; ++k) names.push_back(fmt::format("group {}", k));
  return names;
}

}  // namespace lift
