#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace lift {

/// JSON for people: indented by two, with an array or object of scalars on one line where it fits; ends in a
/// newline. Numbers keep all their digits, those that are not finite are null, invalid UTF-8 is replaced.
[[nodiscard]] std::string readable_json(const nlohmann::ordered_json& value);

}  // namespace lift
