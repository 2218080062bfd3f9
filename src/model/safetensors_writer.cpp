#include "src/model/safetensors_writer.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "mpi/error.hpp"

namespace lift {
namespace {

constexpr std::size_t kAlignment = 8;

std::uint64_t bytes_of(const StoredTensor& tensor) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::uint64_t{size_of(tensor.type)},
                         [](std::uint64_t product, std::int64_t extent) { return product * extent; });
}

[[noreturn]] void refuse(const StoredTensor& tensor, std::uint64_t given) {
  throw Error(ExitCode::internal,
              fmt::format("tensor '{}' is given {} bytes, expected {} for {} {}", tensor.name, given,
                          bytes_of(tensor), to_string(tensor.type), shape_text(tensor.shape)));
}

/// The header's length as eight little-endian bytes, and its JSON, padded so that the data is aligned.
std::string header(const std::vector<StoredTensor>& tensors) {
  nlohmann::ordered_json json;
  json["__metadata__"] = {{"format", "pt"}};
  std::uint64_t begin = 0;
  for (const StoredTensor& tensor : tensors) {
    if (json.contains(tensor.name)) {
      throw Error(ExitCode::internal, fmt::format("tensor '{}' is to be written twice", tensor.name));
    }
    const std::uint64_t end = begin + bytes_of(tensor);
    json[tensor.name] = {
        {"dtype", to_string(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = json.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  std::string length(8, '\0');
  for (std::size_t k = 0; k < length.size(); ++k) length[k] = char((text.size() >> (8 * k)) & 0xff);
  return length + text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::vector<StoredTensor> tensors)
    : file_(path), tensors_(std::move(tensors)) {
  file_.write(header(tensors_));
}

void SafetensorsWriter::add(std::span<const std::byte> bytes) {
  if (next_ == tensors_.size()) throw Error(ExitCode::internal, "more tensors than the header names");
  const StoredTensor& tensor = tensors_[next_];
  filled_ += bytes.size();
  if (filled_ > bytes_of(tensor)) refuse(tensor, filled_);
  file_.write(bytes);
  if (filled_ == bytes_of(tensor)) {
    ++next_;
    filled_ = 0;
  }
}

void SafetensorsWriter::finish(Durability durability) {
  if (next_ != tensors_.size()) refuse(tensors_[next_], filled_);
  file_.commit(durability);
}

void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                       Durability durability) {
  std::vector<StoredTensor> stored;
  for (const TensorToWrite& tensor : tensors) {
    stored.push_back({tensor.name, tensor.type, tensor.shape});
    if (tensor.bytes.size() != bytes_of(stored.back())) refuse(stored.back(), tensor.bytes.size());
  }
  SafetensorsWriter writer(path, std::move(stored));
  for (const TensorToWrite& tensor : tensors) writer.add(tensor.bytes);
  writer.finish(durability);
}

}  // namespace lift
