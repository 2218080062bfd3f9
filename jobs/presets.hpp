#pragma once
#include <span>
#include <string_view>

namespace lift {

/// One option of a preset, as it would be typed.
struct PresetValue {
  std::string_view option;
  std::string_view text;
};

/// The options that `--preset NAME` sets where they are not given by hand; empty for an unknown name.
/// Test  tests/jobs/test_options.cpp
[[nodiscard]] std::span<const PresetValue> preset_values(std::string_view name);

}  // namespace lift
