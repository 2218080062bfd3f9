#include "src/model/checkpoint_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "mpi/error.hpp"
#include "src/model/json_file.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using Entry = SafetensorsFile::Entry;

constexpr auto kSingle = "model.safetensors";
constexpr auto kIndex = "model.safetensors.index.json";
constexpr auto kEmbedding = "wte.weight";
constexpr auto kHead = "lm_head.weight";

[[noreturn]] void refuse(const fs::path& where, const std::string& what) {
  throw Error(ExitCode::input, fmt::format("{}: {}", where.string(), what));
}

void check_folder(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (!fs::exists(status)) refuse(folder, "no such folder, expected a model in the HF layout");
  if (!fs::is_directory(status)) refuse(folder, "is a file, expected a model folder in the HF layout");
}

/// A file of pickled or other weights in the folder, which LiFT does not read.
std::optional<fs::path> foreign_weights(const fs::path& folder) {
  constexpr std::array<std::string_view, 8> kSuffixes = {".bin", ".pt", ".pth",     ".ckpt",
                                                         ".pkl", ".h5", ".msgpack", ".bin.index.json"};
  std::set<fs::path> found;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder, error)) {
    const std::string name = item.path().filename().string();
    if (std::any_of(kSuffixes.begin(), kSuffixes.end(),
                    [&](auto suffix) { return name.ends_with(suffix); })) {
      found.insert(item.path());
    }
  }
  if (found.empty()) return std::nullopt;
  const auto usual = found.lower_bound(folder / "pytorch_model");
  return usual == found.end() ? *found.begin() : *usual;
}

[[noreturn]] void refuse_without_safetensors(const fs::path& folder) {
  const std::optional<fs::path> foreign = foreign_weights(folder);
  if (!foreign) refuse(folder, fmt::format("holds neither {} nor {}", kSingle, kIndex));
  refuse(*foreign,
         fmt::format("LiFT reads safetensors only; convert with: python -c \"from transformers import "
                     "GPT2LMHeadModel as M; M.from_pretrained('{0}').save_pretrained('{0}', "
                     "safe_serialization=True)\"",
                     folder.string()));
}

std::string canonical(const std::string& name) {
  constexpr std::string_view kPrefix = "transformer.";
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

/// h.N.attn.bias and h.N.attn.masked_bias: buffers of old HF versions, not weights.
bool is_causal_mask(std::string_view name) {
  if (!name.starts_with("h.")) return false;
  name.remove_prefix(2);
  const auto dot = std::min(name.find_first_not_of("0123456789"), name.size());
  const std::string_view rest = name.substr(dot);
  return dot > 0 && (rest == ".attn.bias" || rest == ".attn.masked_bias");
}

/// A plain name that a file of the same folder can have, and a message can show.
bool is_file_name(const nlohmann::json& value) {
  constexpr std::size_t kLongest = 255;
  if (!value.is_string()) return false;
  const auto& name = value.get_ref<const std::string&>();
  const auto is_control = [](unsigned char c) { return c < 0x20; };
  return !name.empty() && name.size() <= kLongest && fs::path(name).filename() == name &&
         std::ranges::none_of(name, is_control);
}

/// The index's map from tensor to file name, each a plain name in the same folder.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  const nlohmann::json json = read_json_object(index);
  const auto found = json.find("weight_map");
  if (found == json.end() || !found->is_object() || found->empty()) {
    refuse(index, "weight_map is missing or empty, expected an object from tensor to file");
  }
  std::map<std::string, std::string> map;
  for (const auto& [tensor, file] : found->items()) {
    if (!is_file_name(file)) {
      refuse(index,
             fmt::format("weight_map gives {} for tensor '{}', expected a file name in the same folder",
                         shortened(file), shortened_name(tensor)));
    }
    map.emplace(tensor, file.get<std::string>());
  }
  return map;
}

/// A shard holds the tensors that the index places there, and no others.
void check_shard(const SafetensorsFile& shard, const std::map<std::string, std::string>& map) {
  const std::string name = shard.path().filename().string();
  for (const auto& [tensor, file] : map) {
    if (file == name && !shard.entries().contains(tensor)) {
      refuse(shard.path(),
             fmt::format("has no tensor '{}', which {} places there", shortened_name(tensor), kIndex));
    }
  }
  for (const auto& [tensor, entry] : shard.entries()) {
    const auto found = map.find(tensor);
    if (found == map.end() || found->second != name) {
      refuse(shard.path(),
             fmt::format("holds tensor '{}', which {} does not place there", shortened_name(tensor), kIndex));
    }
  }
}

bool is_there(const fs::path& file) {
  std::error_code error;
  return fs::exists(file, error);
}

}  // namespace

CheckpointFiles::CheckpointFiles(const fs::path& folder) : folder_(folder) {
  check_folder(folder);
  const bool single = is_there(folder / kSingle);
  if (!single && !is_there(folder / kIndex)) refuse_without_safetensors(folder);
  config_ = Gpt2Config::load(folder);
  if (single) {
    open_single(folder / kSingle);
  } else {
    open_shards(folder / kIndex);
  }
  const auto head = tensors_.find(kHead);
  if (head != tensors_.end()) tensors_.try_emplace(kEmbedding, head->second);
  check_tensors();
}

void CheckpointFiles::open_single(const fs::path& file) {
  files_.emplace_back(file);
  add_tensors(files_.back());
}

void CheckpointFiles::open_shards(const fs::path& index) {
  const std::map<std::string, std::string> map = read_weight_map(index);
  std::set<std::string> names;
  for (const auto& [tensor, file] : map) names.insert(file);
  files_.reserve(names.size());
  for (const std::string& name : names) files_.emplace_back(folder_ / name);
  for (const SafetensorsFile& file : files_) {
    check_shard(file, map);
    add_tensors(file);
  }
}

void CheckpointFiles::add_tensors(const SafetensorsFile& file) {
  for (const auto& [name, entry] : file.entries()) {
    const std::string key = canonical(name);
    if (is_causal_mask(key)) continue;
    const auto [place, is_new] = tensors_.try_emplace(key, Stored{&file, name});
    if (!is_new) {
      refuse(file.path(),
             fmt::format("tensor '{}' is there a second time: see '{}' in {}", shortened_name(name),
                         shortened_name(place->second.name), place->second.file->path().filename().string()));
    }
  }
}

void CheckpointFiles::check_tensors() const {
  std::set<std::string> expected = {kHead};
  for (const TensorSpec& spec : tensor_specs(config_)) {
    check_tensor(spec);
    expected.insert(spec.name);
  }
  for (const auto& [name, stored] : tensors_) {
    if (!expected.contains(name)) {
      throw Error(ExitCode::input, fmt::format("{} does not belong to a GPT-2 of {} blocks (config.json)",
                                               where(name), config_.layers));
    }
  }
}

void CheckpointFiles::check_tensor(const TensorSpec& spec) const {
  if (!tensors_.contains(spec.name)) {
    refuse(files_.size() == 1 ? files_.front().path() : folder_ / kIndex,
           fmt::format("tensor '{}' is missing, expected {} (with or without 'transformer.' in front)",
                       spec.name, shape_text(spec.shape)));
  }
  const Entry& found = entry(spec.name);
  if (found.shape != spec.shape) {
    throw Error(ExitCode::input, fmt::format("{} has shape {}, expected {} by config.json", where(spec.name),
                                             shape_text(found.shape), shape_text(spec.shape)));
  }
  if (!is_weight_type(found.type)) {
    throw Error(ExitCode::input, fmt::format("{} has type {}, expected F32, F16, BF16 or F64",
                                             where(spec.name), to_string(found.type)));
  }
}

const Entry& CheckpointFiles::entry(const std::string& name) const {
  const Stored& stored = tensors_.at(name);
  return stored.file->at(stored.name);
}

std::string CheckpointFiles::where(const std::string& name) const {
  const Stored& stored = tensors_.at(name);
  return fmt::format("{}: tensor '{}'", stored.file->path().string(), shortened_name(stored.name));
}

void CheckpointFiles::check_tied_head() const {
  if (!tensors_.contains(kHead)) return;
  const Entry& head = entry(kHead);
  const Entry& embedding = entry(kEmbedding);
  const bool tied = head.type == embedding.type && head.shape == embedding.shape &&
                    std::memcmp(head.bytes.data(), embedding.bytes.data(), head.bytes.size()) == 0;
  if (!tied) {
    throw Error(ExitCode::input, fmt::format("{} differs from '{}': an untied head is not implemented",
                                             where(kHead), tensors_.at(kEmbedding).name));
  }
}

}  // namespace lift
