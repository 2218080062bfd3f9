#include "src/model/config.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "mpi/error.hpp"
#include "src/model/json_file.hpp"

namespace lift {
namespace {

using Json = nlohmann::json;

// Bound what a nonsensical config.json can make tensor_specs allocate, and keep its number of parameters in
// 63 bits.
constexpr int kMostLayers = 10'000;
constexpr int kMostWidth = 1 << 20;
constexpr int kMostInner = 1 << 24;

/// One config.json; a key that is null counts as absent, as in HF.
class ConfigFile {
 public:
  explicit ConfigFile(std::filesystem::path path) : path_(std::move(path)), json_(read_json_object(path_)) {}

  [[nodiscard]] bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }
  [[nodiscard]] const Json& operator[](const char* key) const { return json_[key]; }

  [[noreturn]] void refuse(const char* key, const std::string& expected) const {
    const std::string found = json_.contains(key) ? shortened(json_[key]) : "missing";
    throw Error(ExitCode::input,
                fmt::format("{}: {} is {}, expected {}", path_.string(), key, found, expected));
  }

  [[nodiscard]] int positive(const char* key, int most = std::numeric_limits<int>::max()) const {
    const bool fits =
        has(key) && json_[key].is_number_unsigned() && json_[key].get<std::uint64_t>() - 1 < unsigned(most);
    if (!fits) refuse(key, fmt::format("a whole number from 1 to {}", most));
    return json_[key].get<int>();
  }

  /// For options of which only one value is implemented, which is also HF's default.
  void require(const char* key, const Json& only) const {
    if (has(key) && json_[key] != only) refuse(key, only.dump() + " (nothing else is implemented)");
  }

 private:
  std::filesystem::path path_;
  Json json_;
};

void check_architecture(const ConfigFile& file) {
  constexpr auto kExpected = "gpt2 (no other architecture is implemented)";
  if (!file.has("model_type") && !file.has("architectures")) file.refuse("model_type", kExpected);
  if (file.has("model_type") && file["model_type"] != "gpt2") file.refuse("model_type", kExpected);
  if (!file.has("architectures")) return;
  const Json& names = file["architectures"];
  const bool one = names.is_array() && names.size() == 1;
  if (!one || (names[0] != "GPT2LMHeadModel" && names[0] != "GPT2Model")) {
    file.refuse("architectures", "[\"GPT2LMHeadModel\"] or [\"GPT2Model\"]");
  }
}

void check_options(const ConfigFile& file) {
  if (file.has("activation_function") && file["activation_function"] != "gelu_new" &&
      file["activation_function"] != "gelu_pytorch_tanh") {
    file.refuse("activation_function", R"("gelu_new" or "gelu_pytorch_tanh" (no other is implemented))");
  }
  file.require("scale_attn_weights", true);
  file.require("scale_attn_by_inverse_layer_idx", false);
  file.require("reorder_and_upcast_attn", false);
  file.require("add_cross_attention", false);
  file.require("tie_word_embeddings", true);
  if (file.has("quantization_config"))
    file.refuse("quantization_config", "none: weights as F32, F16 or BF16");
  if (file.has("pruned_heads") && !file["pruned_heads"].empty()) file.refuse("pruned_heads", "{}");
}

double read_epsilon(const ConfigFile& file) {
  constexpr auto kKey = "layer_norm_epsilon";
  if (!file.has(kKey)) return Gpt2Config{}.layer_norm_epsilon;
  const Json& value = file[kKey];
  if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>())) {
    file.refuse(kKey, "a positive number");
  }
  return value.get<double>();
}

int read_inner(const ConfigFile& file, int width) {
  return file.has("n_inner") ? file.positive("n_inner", kMostInner) : 4 * width;
}

void add_linear(std::vector<TensorSpec>& specs, const std::string& name, std::int64_t in, std::int64_t out) {
  specs.push_back({name + ".weight", {in, out}});
  specs.push_back({name + ".bias", {out}});
}

void add_norm(std::vector<TensorSpec>& specs, const std::string& name, std::int64_t width) {
  specs.push_back({name + ".weight", {width}});
  specs.push_back({name + ".bias", {width}});
}

}  // namespace

Gpt2Config Gpt2Config::load(const std::filesystem::path& folder) {
  const ConfigFile file(folder / "config.json");
  check_architecture(file);
  check_options(file);
  Gpt2Config config;
  config.layers = file.positive("n_layer", kMostLayers);
  config.width = file.positive("n_embd", kMostWidth);
  config.heads = file.positive("n_head");
  config.positions = file.positive(!file.has("n_positions") && file.has("n_ctx") ? "n_ctx" : "n_positions");
  config.vocabulary = file.positive("vocab_size");
  config.inner = read_inner(file, config.width);
  config.layer_norm_epsilon = read_epsilon(file);
  if (config.width % config.heads != 0) {
    file.refuse("n_head", fmt::format("a divisor of n_embd, which is {}", config.width));
  }
  return config;
}

std::string Gpt2Config::to_json() const {
  Json json = {{"activation_function", "gelu_new"},
               {"add_cross_attention", false},
               {"architectures", {"GPT2LMHeadModel"}},
               {"attn_pdrop", 0.0},
               {"bos_token_id", vocabulary - 1},
               {"dtype", "float32"},
               {"embd_pdrop", 0.0},
               {"eos_token_id", vocabulary - 1},
               {"initializer_range", 0.02},
               {"layer_norm_epsilon", layer_norm_epsilon},
               {"model_type", "gpt2"},
               {"n_embd", width},
               {"n_head", heads},
               {"n_inner", nullptr},
               {"n_layer", layers},
               {"n_positions", positions},
               {"reorder_and_upcast_attn", false},
               {"resid_pdrop", 0.0},
               {"scale_attn_by_inverse_layer_idx", false},
               {"scale_attn_weights", true},
               {"tie_word_embeddings", true},
               {"use_cache", true},
               {"vocab_size", vocabulary}};
  if (inner != 4LL * width) json["n_inner"] = inner;
  return json.dump(2) + "\n";
}

std::int64_t TensorSpec::size() const noexcept {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) product *= extent;
  return product;
}

std::vector<TensorSpec> tensor_specs(const Gpt2Config& config) {
  const std::int64_t width = config.width;
  std::vector<TensorSpec> specs;
  specs.push_back({"wte.weight", {config.vocabulary, width}});
  specs.push_back({"wpe.weight", {config.positions, width}});
  for (int block = 0; block < config.layers; ++block) {
    const std::string prefix = fmt::format("h.{}.", block);
    add_norm(specs, prefix + "ln_1", width);
    add_linear(specs, prefix + "attn.c_attn", width, 3 * width);
    add_linear(specs, prefix + "attn.c_proj", width, width);
    add_norm(specs, prefix + "ln_2", width);
    add_linear(specs, prefix + "mlp.c_fc", width, config.inner);
    add_linear(specs, prefix + "mlp.c_proj", config.inner, width);
  }
  add_norm(specs, "ln_f", width);
  return specs;
}

}  // namespace lift
