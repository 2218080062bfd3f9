#pragma once
#include <initializer_list>
#include <string>
#include <unordered_map>
#include <utility>

#include "src/text/byte_symbols.hpp"
#include "src/text/vocabulary.hpp"

namespace lift {

/// The 256 bytes in GPT-2's order (so 'a' is 64 and a space 220), the given merges from 256 on, <|endoftext|>
/// last.
inline Vocabulary tiny_vocabulary(std::initializer_list<std::pair<std::string, std::string>> merges) {
  Vocabulary vocabulary;
  std::unordered_map<std::string, Token> ids;
  const auto add = [&](const std::string& bytes) {
    ids[bytes] = vocabulary.size();
    vocabulary.tokens.push_back(bytes);
  };
  for (const char byte : bytes_in_id_order()) add(std::string(1, byte));
  for (const auto& [left, right] : merges) {
    add(left + right);
    vocabulary.merges.push_back({ids.at(left), ids.at(right), ids.at(left + right)});
  }
  vocabulary.end_of_text = vocabulary.size();
  vocabulary.tokens.emplace_back(kEndOfText);
  return vocabulary;
}

}  // namespace lift
