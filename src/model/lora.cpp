#include "src/model/lora.hpp"

namespace lift {

bool LoraSpec::takes(const TensorSpec& tensor) const {
  if (tensor.shape.size() != 2) return false;
  const bool attention = tensor.name.find(".attn.") != std::string::npos;
  const bool mlp = tensor.name.find(".mlp.") != std::string::npos;
  return (attention && targets != LoraTargets::mlp) || (mlp && targets != LoraTargets::attention);
}

std::array<TensorSpec, 2> pair_specs(const TensorSpec& weight, int rank) {
  return {{{weight.name + ".lora_A", {rank, weight.shape[0]}},
           {weight.name + ".lora_B", {weight.shape[1], rank}}}};
}

}  // namespace lift
