#pragma once
#include <cstdint>
#include <memory>

namespace lift {

/// Counts the bytes of tensors that this thread allocates and frees while it lives, as LibTorch's allocators
/// report them; those of other threads are not seen.
class LiveBytes {
 public:
  LiveBytes();
  ~LiveBytes();
  LiveBytes(const LiveBytes&) = delete;
  LiveBytes& operator=(const LiveBytes&) = delete;
  [[nodiscard]] std::int64_t now() const noexcept;   ///< allocated since the start and still there
  [[nodiscard]] std::int64_t peak() const noexcept;  ///< the most that now() has been

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lift
