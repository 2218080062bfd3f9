#pragma once

// Hot loops are written once, as plain loops, and compiled twice on x86-64: for the baseline and for AVX2
// with FMA, chosen at run time. `omp simd` lets the compiler reorder the named reductions and nothing else.
#define LIFT_INLINE [[gnu::always_inline]] inline
/// Behind a lambda's parameters: it is inlined, so that it is compiled for each instruction set.
#define LIFT_LAMBDA __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__)
#define LIFT_AVX2 [[gnu::target("avx2,fma")]]
#define LIFT_HAS_AVX2 (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#else
#define LIFT_AVX2
#define LIFT_HAS_AVX2 false
#endif

namespace lift {

template <typename Body>
LIFT_AVX2 void with_avx2(const Body& body) {
  body();
}

/// Runs `body`, a LIFT_LAMBDA, compiled for what the processor can do.
template <typename Body>
void vectorised(const Body& body) {
  if (LIFT_HAS_AVX2) {
    with_avx2(body);
  } else {
    body();
  }
}

}  // namespace lift
