#pragma once
#include <nlohmann/json_fwd.hpp>

#include "src/report/curvature_result.hpp"

namespace lift {

class JsonNode;

[[nodiscard]] nlohmann::ordered_json to_object(const CurvatureResult& result);
/// Throws Error(input) naming file and key.
[[nodiscard]] CurvatureResult read_curvature(const JsonNode& node);

}  // namespace lift
