#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace lift {

/// Parses JSON that must be an object in which no name stands twice, at any depth (nlohmann's own parser
/// keeps the last of two silently), and no value is nested more than 100 deep.
///
/// Throws  Error(input): `where`, then what is wrong with the text.
/// Test    tests/src/model/test_config.cpp, tests/src/model/test_safetensors.cpp
nlohmann::json parse_json_object(std::string_view text, const std::string& where);

/// The same from a file. Throws Error(input) naming the file also if it cannot be read.
nlohmann::json read_json_object(const std::filesystem::path& file);

/// A value as it stands in messages: at most some 60 characters of its text.
std::string shortened(const nlohmann::json& value);

/// A name out of a file as it stands in messages, between quotes of the caller's: printable, and as short.
std::string shortened_name(const std::string& name);

}  // namespace lift
