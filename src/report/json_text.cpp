#include "src/report/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lift {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLine = 120;

std::string compact(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// On one line, with a space after each comma and colon.
std::string one_line(const ordered_json& value) {
  if (!value.is_structured()) return compact(value);
  std::string text;
  for (const auto& [key, child] : value.items()) {
    if (!text.empty()) text += ", ";
    if (value.is_object()) text += compact(key) + ": ";
    text += one_line(child);
  }
  return fmt::format("{}{}{}", value.is_object() ? "{" : "[", text, value.is_object() ? "}" : "]");
}

bool holds_scalars(const ordered_json& value) {
  return std::none_of(value.begin(), value.end(),
                      [](const ordered_json& child) { return child.is_structured(); });
}

void append(std::string& out, const ordered_json& value, std::size_t indent) {
  if (!value.is_structured() || holds_scalars(value)) {
    const std::string line = one_line(value);
    if (!value.is_structured() || value.empty() || line.size() + indent <= kLine) {
      out += line;
      return;
    }
  }
  const std::string margin(indent + 2, ' ');
  out += value.is_object() ? "{" : "[";
  const char* separator = "\n";
  for (const auto& [key, child] : value.items()) {
    out.append(separator).append(margin);
    if (value.is_object()) out += compact(key) + ": ";
    append(out, child, indent + 2);
    separator = ",\n";
  }
  out += fmt::format("\n{:{}}{}", "", indent, value.is_object() ? "}" : "]");
}

}  // namespace

std::string readable_json(const ordered_json& value) {
  std::string out;
  append(out, value, 0);
  return out + "\n";
}

}  // namespace lift
