#include <cuda_runtime.h>

#include "mpi/block_reduce.cuh"
#include "mpi/cuda_check.hpp"
#include "src/objective/head_kernels.hpp"
#include "src/objective/softmax_row.hpp"

namespace lift {

namespace {

constexpr int kThreads = 512;

/// The logits or tangents of this block's row; thread t has those of columns t, t + kThreads, …
template <typename Row>
__device__ Row* row_of(Row* rows, std::int64_t vocabulary) {
  return rows + static_cast<std::int64_t>(blockIdx.x) * vocabulary;
}

template <typename Real>
__device__ ExpSum<Real> exp_sum(const Real* z, std::int64_t vocabulary) {
  ExpSum<Real> mine = ExpSum<Real>::none();
#pragma unroll 4
  for (std::int64_t j = threadIdx.x; j < vocabulary; j += kThreads) mine.add(z[j]);
  return block_reduce<kThreads>(
      mine, [](const ExpSum<Real>& a, const ExpSum<Real>& b) { return ExpSum<Real>::merged(a, b); });
}

template <typename Real>
__global__ void __launch_bounds__(kThreads)
    residuals_kernel(const Real* logits, std::int64_t vocabulary, const std::int64_t* targets,
                     Real* residuals, double* losses) {
  const Real* z = row_of(logits, vocabulary);
  const std::int64_t target = targets[blockIdx.x];
  const bool known = target >= 0 && target < vocabulary;
  const Real of_target = known ? z[target] : static_cast<Real>(NAN);
  const ExpSum<Real> total = exp_sum(z, vocabulary);  // and all threads have read what is overwritten below
  if (losses != nullptr && threadIdx.x == 0) losses[blockIdx.x] = total.loss_of(of_target);
  if (residuals == nullptr) return;
  Real* residual = row_of(residuals, vocabulary);
  const Softmax<Real> p = total.softmax();
  for (std::int64_t j = threadIdx.x; j < vocabulary; j += kThreads) {
    residual[j] = p(z[j]) - static_cast<Real>(j == target ? 1 : 0);
  }
}

template <typename Real>
__global__ void __launch_bounds__(kThreads)
    curvature_kernel(Real* logits, std::int64_t vocabulary, const Real* tangents) {
  Real* z = row_of(logits, vocabulary);
  const Real* a = row_of(tangents, vocabulary);
  const Softmax<Real> p = exp_sum<Real>(z, vocabulary).softmax();
  double mine = 0;
#pragma unroll 4
  for (std::int64_t j = threadIdx.x; j < vocabulary; j += kThreads) {
    mine += static_cast<double>(p(z[j])) * static_cast<double>(a[j]);
  }
  const auto dot = static_cast<Real>(block_sum<kThreads>(mine));
  for (std::int64_t j = threadIdx.x; j < vocabulary; j += kThreads) z[j] = p(z[j]) * (a[j] - dot);
}

}  // namespace

template <typename Real>
void residuals_on_device(const LogitRows<Real>& z, const std::int64_t* targets, Real* residuals,
                         double* losses, void* stream) {
  if (z.rows == 0) return;
  const auto blocks = static_cast<unsigned>(z.rows);
  residuals_kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(z.logits, z.vocabulary,
                                                                               targets, residuals, losses);
  check_launch("residuals_kernel");
}

template <typename Real>
void curvature_on_device(const LogitRows<Real>& z, const Real* tangents, void* stream) {
  if (z.rows == 0) return;
  const auto blocks = static_cast<unsigned>(z.rows);
  curvature_kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(z.logits, z.vocabulary,
                                                                               tangents);
  check_launch("curvature_kernel");
}

template void residuals_on_device(const LogitRows<float>&, const std::int64_t*, float*, double*, void*);
template void residuals_on_device(const LogitRows<double>&, const std::int64_t*, double*, double*, void*);
template void curvature_on_device(const LogitRows<float>&, const float*, void*);
template void curvature_on_device(const LogitRows<double>&, const double*, void*);

}  // namespace lift
