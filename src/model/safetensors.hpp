#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/files/atomic_file.hpp"

namespace lift {

/// Element types of a safetensors file that fill whole bytes.
enum class StoredType {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  f8_e4m3,
  f8_e5m2
};

/// Whether weights may be of it: F64, F32, F16 or BF16.
[[nodiscard]] constexpr bool is_weight_type(StoredType type) noexcept {
  return type == StoredType::f64 || type == StoredType::f32 || type == StoredType::f16 ||
         type == StoredType::bf16;
}
[[nodiscard]] std::size_t size_of(StoredType type) noexcept;
[[nodiscard]] const char* to_string(StoredType type) noexcept;  ///< as in the file: "F32"

/// Shape as in messages: "[768, 2304]".
[[nodiscard]] std::string shape_text(const std::vector<std::int64_t>& shape);

/// A safetensors file, read through a memory map (format: huggingface/safetensors, README "Format").
///
/// The constructor checks the whole header against the file's size, so that reading any entry's bytes is safe
/// unless the file is cut while it is open.
/// Ownership  move-only; unmaps the file at destruction.
/// Throws     the constructor Error(input), naming the file, what is wrong and what was expected: a header
///            length beyond the file or above 100 MB, JSON that is not an object of tensors, an unknown
///            element type, offsets that overlap, leave holes, go past the end or do not match type and
///            shape, bytes after the last tensor, a name twice.
/// Cost       the header alone is read; tensors are paged in when they are touched.
/// Test       tests/src/model/test_safetensors.cpp, with truncated and lying files
class SafetensorsFile {
 public:
  struct Entry {
    StoredType type = StoredType::f32;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;  ///< valid while the file object lives; need not be aligned
  };
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;

  [[nodiscard]] const std::map<std::string, Entry>& entries() const noexcept { return entries_; }
  /// Throws Error(input) naming file and tensor if there is none of that name.
  [[nodiscard]] const Entry& at(const std::string& name) const;
  /// The header's `__metadata__`; empty if it has none.
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  struct Mapping;
  std::filesystem::path path_;
  std::unique_ptr<Mapping> mapping_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// One tensor to be written; the bytes are the caller's until write_safetensors returns.
struct TensorToWrite {
  std::string name;
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// Writes a safetensors file with `format: pt` in its metadata: beside it first, synced (unless it need only
/// outlive the process), then renamed into place. Tensors lie in the file in the order given.
///
/// Throws  Error(write) naming the file and the system's reason, and nothing half-written stays behind;
///         Error(internal) if bytes do not match type and shape, or a name stands twice.
/// Limits  under a file-size limit (ulimit -f) only a process that ignores SIGXFSZ gets the error.
/// Test    tests/src/model/test_safetensors.cpp, and the safetensors wheel under the label `wheels`
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                       Durability durability = Durability::of_the_machine);

}  // namespace lift
