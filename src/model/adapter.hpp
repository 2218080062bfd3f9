#pragma once
#include <filesystem>

#include "src/model/gpt2.hpp"
#include "src/model/lora.hpp"

namespace lift {

/// Writes the low-rank pairs of `model` as an adapter of the PEFT library: adapter_config.json and
/// adapter_model.safetensors in float32, which PeftModel.from_pretrained puts onto the model in `base`.
///
/// Where the same layers of every tuned block have pairs, target_modules is the list of them and
/// layers_to_transform that of the blocks; else target_modules is a regular expression that matches the
/// layers stored and no others, for which PEFT takes no list of blocks.
///
/// Atomic   as save_checkpoint.
/// Limits   call on one rank; a model with at least one pair, all of `spec`.
/// Throws   Error(write) naming the file and the reason; Error(numerical) naming a factor that is not finite.
/// Test     tests/src/model/test_adapter.cpp; PEFT itself under the label `wheels`
void save_adapter(const std::filesystem::path& folder, const Gpt2& model, const LoraSpec& spec,
                  const std::filesystem::path& base);

/// What an adapter's files say of it.
struct AdapterSummary {
  int pairs = 0;
  int rank = 0;
};

/// Checks an adapter that save_adapter wrote: whole files, an A and a B of the rank for every layer, finite
/// values. Throws Error(input) naming file, key or tensor, what is wrong and what was expected.
AdapterSummary inspect_adapter(const std::filesystem::path& folder);

}  // namespace lift
