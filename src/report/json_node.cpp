#include "src/report/json_node.hpp"

#include <fstream>

namespace lift {

nlohmann::json parse_json(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    throw Error(ExitCode::input, fmt::format("{}: cannot be read; expected a result.json", file.string()));
  try {
    return nlohmann::json::parse(stream);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ExitCode::input, fmt::format("{}: not JSON: {}", file.string(), error.what()));
  }
}

}  // namespace lift
