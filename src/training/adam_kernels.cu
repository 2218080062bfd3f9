#include <cuda_runtime.h>

#include <algorithm>

#include "mpi/block_reduce.cuh"
#include "mpi/cuda_check.hpp"
#include "src/training/adam_kernels.hpp"

namespace lift {

namespace {

constexpr int kThreads = 256;
constexpr int kPerThread = 8;
constexpr std::int64_t kTile = std::int64_t{kThreads} * kPerThread;
constexpr std::int64_t kMaxBlocks = kAdamScratch - 1;

/// Calls `action(i, weight of i)` for the coordinates of this thread: every gridDim.x-th tile, of each every
/// kThreads-th coordinate.
template <typename Action>
__device__ void for_each_coordinate(std::int64_t n, const Segments& segments, const Action& action) {
  const std::int64_t stride = gridDim.x * kTile;
  for (std::int64_t tile = blockIdx.x * kTile; tile < n; tile += stride) {
    int segment = segment_of(segments.data, segments.count, tile);
    for (int k = 0; k < kPerThread; ++k) {
      const std::int64_t i = tile + k * kThreads + threadIdx.x;
      if (i >= n) break;
      while (segments.data[segment].end <= i) ++segment;
      action(i, segments.data[segment].weight);
    }
  }
}

template <typename Real>
__device__ Real gradient_at(const AdamVectors<Real>& x, std::int64_t i, double weight) {
  const Real center = x.center == nullptr ? static_cast<Real>(0) : x.center[i];
  return regularized(x.gradient[i], x.w[i], center, weight);
}

template <typename Real>
__global__ void __launch_bounds__(kThreads)
    squares_kernel(AdamVectors<Real> x, Segments segments, double* sums) {
  double mine = 0;
  for_each_coordinate(x.n, segments, [&](std::int64_t i, double weight) {
    const auto g = static_cast<double>(gradient_at(x, i, weight));
    mine += g * g;
  });
  const double sum = block_sum<kThreads>(mine);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads) norm_kernel(const double* sums, int count, double* norm) {
  double mine = 0;
  for (int block = static_cast<int>(threadIdx.x); block < count; block += kThreads) mine += sums[block];
  const double sum = block_sum<kThreads>(mine);
  if (threadIdx.x == 0) *norm = sqrt(sum);
}

template <typename Real>
__global__ void __launch_bounds__(kThreads)
    step_kernel(AdamVectors<Real> x, Segments segments, AdamStep<Real> adam, double clip,
                const double* norm) {
  if (!isfinite(*norm)) return;
  const auto factor = static_cast<Real>(clip_factor(*norm, clip));
  for_each_coordinate(x.n, segments, [&](std::int64_t i, double weight) {
    Real w = x.w[i], m = x.first_moment[i], v = x.second_moment[i];
    adam(gradient_at(x, i, weight) * factor, w, m, v);
    x.w[i] = w;
    x.first_moment[i] = m;
    x.second_moment[i] = v;
  });
}

}  // namespace

template <typename Real>
void adam_step_on_device(const AdamVectors<Real>& vectors, const Segments& segments,
                         const AdamStep<Real>& adam, double clip, double* scratch, void* stream) {
  auto* cuda_stream = static_cast<cudaStream_t>(stream);
  const auto blocks =
      static_cast<int>(std::clamp<std::int64_t>((vectors.n + kTile - 1) / kTile, 1, kMaxBlocks));
  double *norm = scratch, *sums = scratch + 1;
  squares_kernel<<<blocks, kThreads, 0, cuda_stream>>>(vectors, segments, sums);
  check_launch("squares_kernel");
  norm_kernel<<<1, kThreads, 0, cuda_stream>>>(sums, blocks, norm);
  check_launch("norm_kernel");
  step_kernel<<<blocks, kThreads, 0, cuda_stream>>>(vectors, segments, adam, clip, norm);
  check_launch("step_kernel");
}

template void adam_step_on_device(const AdamVectors<float>&, const Segments&, const AdamStep<float>&, double,
                                  double*, void*);
template void adam_step_on_device(const AdamVectors<double>&, const Segments&, const AdamStep<double>&,
                                  double, double*, void*);

}  // namespace lift
