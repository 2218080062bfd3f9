#pragma once

namespace lift {

/// `merge` of the values of all threads of a block, on each of them; every thread of the block calls it.
///
/// Method  halves of the block are merged pairwise in shared memory: an order that depends on kThreads alone,
///         so that the result has the same bits on every run.
/// Shapes  kThreads = blockDim.x, a power of two.
/// Types   Value has no constructor: it lies in shared memory.
template <int kThreads, typename Value, typename Merge>
__device__ Value block_reduce(const Value& mine, const Merge& merge) {
  static_assert((kThreads & (kThreads - 1)) == 0, "halves down to one thread");
  __shared__ Value values[kThreads];
  const int thread = static_cast<int>(threadIdx.x);
  values[thread] = mine;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (thread < half) values[thread] = merge(values[thread], values[thread + half]);
    __syncthreads();
  }
  const Value result = values[0];
  __syncthreads();  // the next reduction writes here
  return result;
}

/// Σ of the values of all threads of a block, as block_reduce.
template <int kThreads>
__device__ double block_sum(double mine) {
  return block_reduce<kThreads>(mine, [](double a, double b) { return a + b; });
}

}  // namespace lift
