#pragma once
#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "jobs/options.hpp"

namespace lift {

/// The value that the word of a choice stands for.
template <typename Value>
Value chosen(const Options& options, std::string_view name,
             std::initializer_list<std::pair<std::string_view, Value>> values) {
  const std::string word = options.text(name);
  return std::ranges::find(values, word, &std::pair<std::string_view, Value>::first)->second;
}

}  // namespace lift
