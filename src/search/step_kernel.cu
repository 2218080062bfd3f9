#include <cuda_runtime.h>

#include <algorithm>

#include "mpi/cuda_check.hpp"
#include "src/search/step_kernel.hpp"

namespace lift {

namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMaxBlocks = 4096;

template <typename Real>
__global__ void __launch_bounds__(kThreads)
    step_kernel(Real* w, const Real* start, const Real* direction, Real t, std::int64_t n) {
  const std::int64_t stride = std::int64_t{kThreads} * gridDim.x;
  for (std::int64_t i = std::int64_t{kThreads} * blockIdx.x + threadIdx.x; i < n; i += stride) {
    w[i] = stepped(start[i], t, direction[i]);
  }
}

}  // namespace

template <typename Real>
void step_on_device(Real* w, const Real* start, const Real* direction, Real t, std::int64_t n, void* stream) {
  if (n == 0) return;
  const auto blocks = static_cast<unsigned>(std::min((n + kThreads - 1) / kThreads, kMaxBlocks));
  step_kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(w, start, direction, t, n);
  check_launch("step_kernel of step_along");
}

template void step_on_device(float*, const float*, const float*, float, std::int64_t, void*);
template void step_on_device(double*, const double*, const double*, double, std::int64_t, void*);

}  // namespace lift
