// What device.hpp, staging.hpp and cuda_check.hpp promise of a build with CUDA.
#include "mpi/cuda_check.hpp"

#include <fmt/format.h>

#include "mpi/device.hpp"
#include "mpi/error.hpp"
#include "mpi/staging.hpp"

namespace lift {

namespace {

std::string text_of(const cudaUUID_t& uuid) {
  std::string text = "GPU-";
  for (std::size_t k = 0; k < sizeof uuid.bytes; ++k) {
    if (k == 4 || k == 6 || k == 8 || k == 10) text += '-';
    text += fmt::format("{:02x}", static_cast<unsigned char>(uuid.bytes[k]));
  }
  return text;
}

}  // namespace

void check_cuda(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // or a later launch would report it again
  throw Error(ExitCode::internal,
              fmt::format("{} failed: {} ({})", call, cudaGetErrorString(code), cudaGetErrorName(code)));
}

std::vector<Device> visible_devices() {
  int count = 0, driver = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code == cudaErrorInsufficientDriver && cudaDriverGetVersion(&driver) == cudaSuccess && driver > 0) {
    throw Error(
        ExitCode::usage,
        fmt::format("the NVIDIA driver knows CUDA {}.{}, this build needs {}.{}: update it, or "
                    "use the CPU build",
                    driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10));
  }
  if (code == cudaErrorNoDevice || code == cudaErrorInsufficientDriver || code == cudaErrorStubLibrary) {
    cudaGetLastError();  // a machine without a GPU is a normal case: forget the error
    return {};
  }
  check_cuda(code, "cudaGetDeviceCount");
  std::vector<Device> devices;
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties{};
    check_cuda(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
    devices.push_back({index, properties.name, text_of(properties.uuid)});
  }
  return devices;
}

void select_device(int device) {
  if (device != -1) check_cuda(cudaSetDevice(device), "cudaSetDevice");
}

std::string current_device_uuid() {
  const std::vector<Device> devices = visible_devices();
  if (devices.empty()) return "";
  int current = 0;
  check_cuda(cudaGetDevice(&current), "cudaGetDevice");
  return devices.at(static_cast<std::size_t>(current)).uuid;
}

Staging::Staging(std::size_t bytes) {
  check_cuda(cudaMallocHost(&data_, bytes), "cudaMallocHost");
}

Staging::~Staging() {
  cudaFreeHost(data_);
}

void Staging::load(const void* device, std::size_t bytes, void* stream) {
  auto* cuda_stream = static_cast<cudaStream_t>(stream);
  check_cuda(cudaMemcpyAsync(data_, device, bytes, cudaMemcpyDeviceToHost, cuda_stream), "cudaMemcpyAsync");
  check_cuda(cudaStreamSynchronize(cuda_stream), "cudaStreamSynchronize");
}

void Staging::store(void* device, std::size_t bytes, void* stream) const {
  auto* cuda_stream = static_cast<cudaStream_t>(stream);
  check_cuda(cudaMemcpyAsync(device, data_, bytes, cudaMemcpyHostToDevice, cuda_stream), "cudaMemcpyAsync");
  check_cuda(cudaStreamSynchronize(cuda_stream), "cudaStreamSynchronize");
}

}  // namespace lift
