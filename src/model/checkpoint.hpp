#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/model/gpt2.hpp"

namespace lift {

/// Reads a model folder in the HF layout: config.json with model.safetensors, or the shards of
/// model.safetensors.index.json; F32, F16, BF16 or F64; names with or without `transformer.`.
///
/// One rank of each node reads, the others receive tensor by tensor. Values are converted to `type` on
/// `device`. The masks that old versions of HF stored (`attn.bias`, `attn.masked_bias`) are passed over.
///
/// Collective  on `comm`, with the same `folder` and `type` everywhere; nodes may have copies of their own.
/// Throws      AgreedError(input), naming file and tensor: missing or unreadable files, an unsupported
///             architecture or option, a pickle file instead (with the way to convert it), a tensor that is
///             missing, of another shape or not of a GPT-2, an lm_head that is not tied, values that are not
///             finite (in `type`), copies that differ between nodes.
/// Cost        memory: the model once, and one tensor; on the reading rank also the page cache of the files.
/// Test        tests/src/model/test_checkpoint.cpp (1, 2, 3 ranks)
Gpt2 load_checkpoint(const std::filesystem::path& folder, at::ScalarType type, at::Device device,
                     const Communicator& comm);

/// The same where `node` holds the ranks that see the same files; rank 0 of `comm` is rank 0 of its node.
Gpt2 load_checkpoint(const std::filesystem::path& folder, at::ScalarType type, at::Device device,
                     const Communicator& comm, const Communicator& node);

/// Checks the folder as load_checkpoint does, without reading the values; what `--dry-run` does. Not
/// collective.
Gpt2Config inspect_checkpoint(const std::filesystem::path& folder);

/// Writes `model` as a folder that HF transformers loads as it is: config.json, model.safetensors (`type`:
/// F32, F16 or BF16; `format: pt`, `transformer.` names as HF writes them), generation_config.json, and the
/// tokenizer files of `source`, the folder it came from.
///
/// Tensors named in `changed` are written from the model, and those with a low-rank pair merged with it
/// (merged_tensor); all others have the values of `source` exactly (F16 and BF16 widened; F64 is rounded, and
/// what `type` cannot hold). An empty `source` writes all from the
/// model. config.json is that of `source` but for its dtype.
///
/// Atomic   the folder is built beside its place and renamed into it. One that is there already is
///          replaced if it holds nothing but such files.
/// Limits   call on one rank.
/// Throws   Error(write) naming the file and the reason, and nothing half-written stays behind;
///          Error(numerical) naming a tensor that is not finite in `type`; Error(input) if `source` cannot be
///          read any more; Error(internal) if it is another model.
/// Cost     memory: one tensor.
/// Test     tests/src/model/test_checkpoint_save.cpp, test_adapter.cpp; HF transformers under the label
/// `wheels`.
void save_checkpoint(const std::filesystem::path& folder, const Gpt2& model,
                     const std::filesystem::path& source, const std::vector<std::string>& changed,
                     at::ScalarType type = at::kFloat);

}  // namespace lift
