#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "src/files/atomic_file.hpp"
#include "src/model/safetensors.hpp"

namespace lift {

/// One tensor of a safetensors header.
struct StoredTensor {
  std::string name;
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;
};

/// Writes a safetensors file piece by piece, so that no whole tensor need be in memory.
///
/// Use     the constructor writes the header; add() the bytes of each tensor in the same order, whole or in
///         pieces; finish(). Without finish() nothing stays behind.
/// Throws  as write_safetensors.
/// Test    tests/src/model/test_safetensors.cpp
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path, std::vector<StoredTensor> tensors);
  void add(std::span<const std::byte> bytes);
  void finish(Durability durability = Durability::of_the_machine);

 private:
  AtomicFile file_;
  std::vector<StoredTensor> tensors_;
  std::size_t next_ = 0;      ///< the tensor being written
  std::uint64_t filled_ = 0;  ///< its bytes so far
};

}  // namespace lift
