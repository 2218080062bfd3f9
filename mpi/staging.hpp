#pragma once
#include <cstddef>

namespace lift {

/// Page-locked host memory through which a collective of MPI reaches a device buffer.
///
/// Both copies are ordered on `stream` (a cudaStream_t) and have ended when they return.
///
/// Ownership   owns its memory; neither copied nor moved.
/// Throws      Error(internal) if the CUDA runtime fails, and always in a CPU build.
/// Cost        the constructor takes milliseconds: one for a whole buffer, not one a chunk.
class Staging {
 public:
  explicit Staging(std::size_t bytes);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  [[nodiscard]] void* data() const noexcept { return data_; }
  void load(const void* device, std::size_t bytes, void* stream);
  void store(void* device, std::size_t bytes, void* stream) const;

 private:
  void* data_ = nullptr;
};

}  // namespace lift
