#include "src/report/run_difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <string_view>

#include "src/report/json_node.hpp"
#include "src/report/json_text.hpp"

namespace lift {
namespace {

using Leaves = std::map<std::string, nlohmann::json>;

/// Each scalar of a JSON value by its path, "rounds[0].lp.gap".
void collect(const nlohmann::json& value, const std::string& path, Leaves& leaves) {
  if (value.is_object()) {
    for (const auto& [name, child] : value.items())
      collect(child, path.empty() ? name : path + "." + name, leaves);
  } else if (value.is_array()) {
    for (std::size_t k = 0; k < value.size(); ++k) collect(value[k], fmt::format("{}[{}]", path, k), leaves);
  } else {
    leaves[path] = value;
  }
}

std::string text_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::optional<std::string> text_in(const Leaves& leaves, const std::string& key) {
  const auto found = leaves.find(key);
  return found == leaves.end() ? std::nullopt : std::optional(text_of(found->second));
}

/// Both maps' keys in their order, with what differs.
std::vector<Difference> compare(const Leaves& a, const Leaves& b) {
  Leaves all = a;
  all.insert(b.begin(), b.end());
  std::vector<Difference> differences;
  for (const auto& [key, ignored] : all) {
    const auto in_a = a.find(key), in_b = b.find(key);
    if (in_a != a.end() && in_b != b.end() && in_a->second == in_b->second) continue;
    Difference one{.key = key, .a = text_in(a, key), .b = text_in(b, key)};
    if (one.a && one.b && in_a->second.is_number() && in_b->second.is_number()) {
      const auto x = in_a->second.get<double>(), y = in_b->second.get<double>();
      one.absolute = y - x;
      if (x != 0) one.relative = (y - x) / std::abs(x);
    }
    differences.push_back(std::move(one));
  }
  return differences;
}

Leaves leaves_of(const RunOptions& options) {
  Leaves leaves;
  for (const auto& [name, value] : options) leaves[name] = value;
  return leaves;
}

/// What a run was made with and from; times, places and the objects loaded are no part of it.
Leaves origins_of(const nlohmann::json& provenance) {
  constexpr std::array kCompared = {"version",   "commit", "compiler", "build_type",
                                    "libraries", "ranks",  "threads"};
  Leaves leaves;
  for (const char* key : kCompared)
    if (provenance.contains(key)) collect(provenance.at(key), key, leaves);
  if (provenance.contains("devices") && provenance.at("devices").is_array()) {
    for (const auto& device : provenance.at("devices"))
      if (device.is_object() && device.contains("name") && device.contains("rank"))
        leaves[fmt::format("devices[{}]", text_of(device.at("rank")))] = device.at("name");
  }
  if (!provenance.contains("inputs") || !provenance.at("inputs").is_array()) return leaves;
  std::map<std::string, int> met;  // files of one name in several folders
  for (const auto& input : provenance.at("inputs")) {
    if (!input.is_object() || !input.contains("path") || !input.contains("xxh3_128")) continue;
    const std::string name = std::filesystem::path(text_of(input.at("path"))).filename().string();
    const int before = met[name]++;
    leaves[before == 0 ? fmt::format("inputs.{}", name) : fmt::format("inputs.{} ({})", name, before + 1)] =
        input.at("xxh3_128");
  }
  return leaves;
}

/// Whether a value of result.json measures time or memory.
bool is_measured(std::string_view key) {
  return key.starts_with("seconds") || key.find(".seconds") != std::string_view::npos ||
         key.starts_with("timeline") || key.find("peak_memory_bytes") != std::string_view::npos;
}

/// What a reader looks for first.
bool is_headline(std::string_view key) {
  return key.starts_with("after.") || key.starts_with("before.") || key.starts_with("early_stopping.") ||
         key == "t_star";
}

void compare_results(const KeptRun& a, const KeptRun& b, RunDifference& difference) {
  Leaves left, right;
  collect(parse_json(a.folder / "result.json"), "", left);
  collect(parse_json(b.folder / "result.json"), "", right);
  for (Difference& one : compare(left, right))
    (is_measured(one.key) ? difference.times : difference.results).push_back(std::move(one));
  std::ranges::stable_partition(difference.results,
                                [](const Difference& one) { return is_headline(one.key); });
}

nlohmann::ordered_json list_of(const std::vector<Difference>& differences) {
  using Json = nlohmann::ordered_json;
  Json array = Json::array();
  for (const Difference& one : differences) {
    array.push_back({{"key", one.key},
                     {"a", one.a ? Json(*one.a) : Json()},
                     {"b", one.b ? Json(*one.b) : Json()},
                     {"absolute", one.absolute ? Json(*one.absolute) : Json()},
                     {"relative", one.relative ? Json(*one.relative) : Json()}});
  }
  return array;
}

Cell value_cell(const std::optional<std::string>& value, bool number) {
  if (!value) return {"–", {""}};
  Cell cell = Cell::label(*value);
  if (number && value->size() > 12) cell.text = fmt::format("{:.10g}", std::stod(*value));
  return cell;
}

Cell change_cell(const std::optional<double>& change) {
  const double value = change.value_or(std::numeric_limits<double>::quiet_NaN());
  Cell cell = Cell::number(value, 0);
  if (change) cell.text = fmt::format("{:+.3g}", value);
  return cell;
}

}  // namespace

RunDifference difference_of(const KeptRun& a, const KeptRun& b) {
  RunDifference difference;
  const auto note = [&](const char* file, bool in_a, bool in_b) {
    if (in_a && in_b) return true;
    difference.notes.push_back(in_a || in_b ? fmt::format("Only {} has a {}.", in_a ? "A" : "B", file)
                                            : fmt::format("Neither has a {}.", file));
    return false;
  };
  if (note("config.cfg", a.options.has_value(), b.options.has_value()))
    difference.options = compare(leaves_of(*a.options), leaves_of(*b.options));
  if (note("provenance.json", a.provenance.is_object(), b.provenance.is_object()))
    difference.provenance = compare(origins_of(a.provenance), origins_of(b.provenance));
  compare_results(a, b, difference);
  return difference;
}

Table difference_table(std::span<const Difference> differences) {
  Table table;
  table.columns = {{"", {"key"}, true},
                   {"A", {"a"}},
                   {"B", {"b"}},
                   {"B - A", {"absolute"}},
                   {"relative to A", {"relative"}}};
  for (const Difference& one : differences) {
    const bool number = one.absolute.has_value();
    table.rows.push_back({Cell::label(one.key), value_cell(one.a, number), value_cell(one.b, number),
                          change_cell(one.absolute), change_cell(one.relative)});
  }
  return table;
}

std::string to_json(const RunDifference& difference, const KeptRun& a, const KeptRun& b) {
  return readable_json({{"a", a.folder.string()},
                        {"b", b.folder.string()},
                        {"options", list_of(difference.options)},
                        {"provenance", list_of(difference.provenance)},
                        {"results", list_of(difference.results)},
                        {"times", list_of(difference.times)},
                        {"notes", difference.notes}});
}

}  // namespace lift
