#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/option_table.hpp"

namespace lift {

/// What is wrong with `text` as a value of `spec`, as "'x' is not a number; expected …"; "" when it is valid.
/// Test tests/jobs/test_options.cpp
[[nodiscard]] std::string violation(const OptionSpec& spec, std::string_view text);

/// What a value of `spec` looks like, for errors and help: "a whole number >= 1".
[[nodiscard]] std::string expected(const OptionSpec& spec);

/// A typed word as a message shows it, between quotes of its own: bytes that are no text escaped, and cut
/// short with an ellipsis where it would take more than some 200 characters. Test tests/jobs/test_options.cpp
[[nodiscard]] std::string shown(std::string_view typed);

// Values of texts that have no violation.
[[nodiscard]] std::int64_t count_of(std::string_view text);  ///< `all` is 0
[[nodiscard]] double real_of(std::string_view text);
[[nodiscard]] std::vector<int> integers_of(std::string_view text);
[[nodiscard]] std::map<int, int> integer_map_of(std::string_view text);

}  // namespace lift
