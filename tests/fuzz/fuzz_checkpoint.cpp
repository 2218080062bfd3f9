#include <algorithm>
#include <string>

#include "src/model/checkpoint_files.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace lift {
namespace {

constexpr std::string_view kConfig =
    R"({"model_type": "gpt2", "n_layer": 1, "n_embd": 2, "n_head": 1, "n_positions": 2, "vocab_size": 3})";

/// Every tensor that the configuration names is there, with all its bytes.
void read(const CheckpointFiles& files, const Gpt2Config& config) {
  files.check_tied_head();
  for (const TensorSpec& spec : tensor_specs(config)) {
    const auto& entry = files.entry(spec.name);
    require(entry.shape == spec.shape, "a tensor of another shape");
    require(entry.bytes.size() == size_of(entry.type) * static_cast<std::size_t>(spec.size()),
            "bytes missing");
  }
}

}  // namespace
}  // namespace lift

/// An index of shards, a zero byte, and the one shard that it may name, s.safetensors; the configuration is
/// fixed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lift;
  const auto text = text_of(data, size);
  const auto zero = std::min(text.find('\0'), text.size());
  put("config.json", kConfig);
  put("model.safetensors.index.json", text.substr(0, zero));
  put("s.safetensors", text.substr(std::min(zero + 1, text.size())));
  is_parsed([&] {
    const CheckpointFiles files(fuzz_folder());
    read(files, files.config());
  });
  return 0;
}
