#pragma once
#include <ATen/core/Tensor.h>

#ifdef LIFT_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace lift {

#ifdef LIFT_CUDA
inline constexpr bool kHasKernels = true;
#else
inline constexpr bool kHasKernels = false;
#endif

/// Whether the project's kernels serve `tensor`: on a GPU, contiguous, float32 or float64. Never in a build
/// without CUDA.
inline bool has_kernels(const at::Tensor& tensor) {
  return kHasKernels && tensor.is_cuda() && tensor.is_contiguous() &&
         (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble);
}

/// Calls `launch(Real{}, stream)` with the C++ type of `tensor` and ATen's current stream of its device (a
/// cudaStream_t), on that device. Only where has_kernels(tensor).
template <typename Launch>
void launch_kernels(const at::Tensor& tensor, const Launch& launch) {
#ifdef LIFT_CUDA
  const c10::cuda::CUDAGuard guard(tensor.device());
  void* stream = c10::cuda::getCurrentCUDAStream(tensor.device().index()).stream();
  tensor.scalar_type() == at::kFloat ? launch(float{}, stream) : launch(double{}, stream);
#else
  static_cast<void>(tensor);
  static_cast<void>(launch);
#endif
}

}  // namespace lift
