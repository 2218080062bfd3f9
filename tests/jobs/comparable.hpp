#pragma once
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/files/atomic_file.hpp"

namespace lift {

/// Takes out what may differ between two runs of the same numbers: times, words that hold them, memory, and
/// what was run once more after a run was left.
inline void drop_times(nlohmann::json& value) {
  if (value.is_object()) {
    for (const char* key :
         {"seconds", "peak_memory_bytes", "tokens_per_second", "prefix_sequences", "timeline", "message"})
      value.erase(key);
  }
  for (auto& item : value)
    if (item.is_structured()) drop_times(item);
}

/// result.json of a run's folder, to be compared.
inline nlohmann::json comparable_result(const std::filesystem::path& run) {
  nlohmann::json value = nlohmann::json::parse(read_file(run / "result.json"));
  drop_times(value);
  return value;
}

/// The lines of its metrics.jsonl.
inline std::vector<nlohmann::json> comparable_metrics(const std::filesystem::path& run) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(run / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    lines.push_back(nlohmann::json::parse(line));
    drop_times(lines.back());
  }
  return lines;
}

}  // namespace lift
