#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mpi/error.hpp"

namespace lift {

/// One value of a JSON file, which knows where it stands, so that a wrong one can be named.
///
/// Ownership   refers to the file's name and to the value.
/// Throws      Error(input) naming file and key, what is wrong and what was expected.
/// Test        tests/src/report/test_run_result.cpp
class JsonNode {
 public:
  JsonNode(const std::string& file, std::string key, const nlohmann::json& value)
      : file_(&file), key_(std::move(key)), value_(&value) {}

  [[noreturn]] void wrong(const std::string& expected) const {
    throw Error(ExitCode::input,
                fmt::format("{}: {} is {}; expected {}", *file_, key_.empty() ? "the whole" : key_,
                            value_->is_structured() ? value_->type_name() : value_->dump(), expected));
  }
  [[nodiscard]] bool has(const char* name) const {
    if (!value_->is_object()) wrong("an object");
    return value_->contains(name) && !value_->at(name).is_null();
  }
  [[nodiscard]] JsonNode operator[](const char* name) const {
    if (!value_->is_object()) wrong("an object");
    const std::string key = key_.empty() ? name : key_ + "." + name;
    if (!value_->contains(name)) throw Error(ExitCode::input, fmt::format("{}: {} is missing", *file_, key));
    return {*file_, key, value_->at(name)};
  }
  [[nodiscard]] std::vector<JsonNode> items() const {
    if (!value_->is_array()) wrong("a list");
    std::vector<JsonNode> nodes;
    for (std::size_t k = 0; k < value_->size(); ++k) {
      nodes.emplace_back(*file_, fmt::format("{}[{}]", key_, k), value_->at(k));
    }
    return nodes;
  }
  [[nodiscard]] std::map<std::string, JsonNode> members() const {
    if (!value_->is_object()) wrong("an object");
    std::map<std::string, JsonNode> nodes;
    for (const auto& [name, value] : value_->items())
      nodes.emplace(name, JsonNode(*file_, key_ + "." + name, value));
    return nodes;
  }

  /// null stands for a number that is not finite.
  [[nodiscard]] double number() const {
    if (value_->is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (!value_->is_number()) wrong("a number");
    return value_->get<double>();
  }
  template <typename T = std::int64_t>
  [[nodiscard]] T integer() const {
    if (!value_->is_number_integer()) wrong("a whole number");
    return value_->get<T>();
  }
  [[nodiscard]] std::string text() const {
    if (!value_->is_string()) wrong("a text");
    return value_->get<std::string>();
  }
  [[nodiscard]] bool truth() const {
    if (!value_->is_boolean()) wrong("true or false");
    return value_->get<bool>();
  }

 private:
  const std::string* file_;
  std::string key_;
  const nlohmann::json* value_;
};

template <typename Read>
auto optional_of(const JsonNode& node, const char* name, Read read) {
  using Value = decltype(read(node));
  return node.has(name) ? std::optional<Value>(read(node[name])) : std::nullopt;
}

template <typename Read>
auto list_of(const JsonNode& node, const char* name, Read read) {
  std::vector<decltype(read(node))> values;
  if (!node.has(name)) return values;
  for (const JsonNode& item : node[name].items()) values.push_back(read(item));
  return values;
}

inline double read_number(const JsonNode& node) {
  return node.number();
}

/// Of results that were written before there was such a number.
inline double number_or_nan(const JsonNode& node, const char* name) {
  return node.has(name) ? node[name].number() : std::numeric_limits<double>::quiet_NaN();
}

/// The whole of a file. Throws Error(input) if it cannot be read, or is not JSON.
[[nodiscard]] nlohmann::json parse_json(const std::filesystem::path& file);

}  // namespace lift
