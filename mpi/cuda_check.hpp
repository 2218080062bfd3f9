#pragma once
#include <cuda_runtime_api.h>

#include <string>

namespace lift {

/// Throws Error(internal) with the CUDA runtime's own text if `code` is not cudaSuccess. Only in a build with
/// CUDA, as all of this header.
void check_cuda(cudaError_t code, const char* call);

/// Throws Error(internal) if the launch just made was refused; what fails while it runs shows at a later
/// call.
inline void check_launch(const char* kernel) {
  check_cuda(cudaGetLastError(), kernel);
}

/// Device::uuid of the device that this rank's CUDA calls use; empty where no device is visible.
std::string current_device_uuid();

}  // namespace lift
