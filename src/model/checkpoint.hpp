#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/model/gpt2.hpp"

namespace lift {

/// Reads a model folder in the HF layout: config.json with model.safetensors, or the shards of
/// model.safetensors.index.json; F32, F16 or BF16; names with or without `transformer.`.
///
/// One rank of each node reads, the others receive. Values are converted to `type` on `device`.
/// Collective  on `comm`.
/// Throws      AgreedError(input), naming file and tensor: missing or unreadable files, an unsupported
/// architecture or
///             option, a pickle file instead (with the way to convert it), a missing tensor or another shape,
///             an lm_head that is not tied, values that are not finite.
/// Test        tests/src/model/test_checkpoint.cpp (1, 2, 3 ranks)
Gpt2 load_checkpoint(const std::filesystem::path& folder, at::ScalarType type, at::Device device,
                     const Communicator& comm);

/// Checks the folder as load_checkpoint does, without reading the values; what `--dry-run` does. Not
/// collective.
Gpt2Config inspect_checkpoint(const std::filesystem::path& folder);

/// Writes `model` as a folder that HF transformers loads as it is: config.json, model.safetensors (F32,
/// `format: pt`, `transformer.` names as HF writes them), generation_config.json, and the tokenizer files and
/// further small configuration files of `source`, the folder it came from.
///
/// Tensors named in `changed` are written from the model; all others have the values of `source` exactly (an
/// empty `source` writes all from the model). Throws      Error(write). Call on one rank. Test
/// tests/src/model/test_checkpoint.cpp; HF transformers under the label `wheels`.
void save_checkpoint(const std::filesystem::path& folder, const Gpt2& model,
                     const std::filesystem::path& source, const std::vector<std::string>& changed);

}  // namespace lift
