#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lift {

enum class StoredType { f64, f32, f16, bf16, i64, i32, u8 };
[[nodiscard]] std::size_t size_of(StoredType type) noexcept;
[[nodiscard]] const char* to_string(StoredType type) noexcept;  ///< as in the file: "F32"

/// A safetensors file, read through a memory map (format: huggingface/safetensors, README "Format").
///
/// Throws  the constructor Error(input), naming the file, what is wrong and what was expected: a header
/// length beyond the
///         file, JSON that is not an object of tensors, offsets that overlap, leave holes, go past the end or
///         do not match type and shape, a name twice.
/// Test    tests/src/model/test_safetensors.cpp, with truncated and lying files
class SafetensorsFile {
 public:
  struct Entry {
    StoredType type = StoredType::f32;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;  ///< valid while the file object lives
  };
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;

  [[nodiscard]] const std::map<std::string, Entry>& entries() const noexcept { return entries_; }
  /// Throws Error(input) naming file and tensor if there is none of that name.
  [[nodiscard]] const Entry& at(const std::string& name) const;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  struct Mapping;
  std::filesystem::path path_;
  std::unique_ptr<Mapping> mapping_;
  std::map<std::string, Entry> entries_;
};

/// One tensor to be written; the bytes are the caller's until write_safetensors returns.
struct TensorToWrite {
  std::string name;
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// Writes a safetensors file with `format: pt` in its metadata: beside it first, synced, then renamed into
/// place. Throws Error(write) naming the file and the system's reason; nothing half-written stays behind.
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors);

}  // namespace lift
