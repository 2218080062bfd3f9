#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "src/model/config.hpp"

namespace lift {

/// A GPT-2 of two blocks.
Gpt2Config toy_config();

/// Writes `folder`/model (a random GPT-2 of that shape in the HF layout, with a vocabulary learnt from the
/// text), `folder`/data (three splits of a few thousand words) and `folder`/other (another validation and
/// test split). Call on one rank.
void write_toy_inputs(const std::filesystem::path& folder, const Gpt2Config& config = toy_config());

/// The text of a file.
std::string text_of(const std::filesystem::path& file);

}  // namespace lift
