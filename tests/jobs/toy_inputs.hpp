#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "src/model/config.hpp"

namespace lift {

/// Writes `folder`/model (a random GPT-2 of two blocks in the HF layout, with a vocabulary learnt from the
/// text) and `folder`/data (three splits of a few thousand words). Call on one rank.
void write_toy_inputs(const std::filesystem::path& folder);

/// The shape of that model.
Gpt2Config toy_config();

/// The text of a file.
std::string text_of(const std::filesystem::path& file);

}  // namespace lift
