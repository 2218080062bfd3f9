#pragma once

/// Marks a function that kernels call as well as the host; nothing to a compiler that is not nvcc.
#ifdef __CUDACC__
#define LIFT_HOST_DEVICE __host__ __device__
#else
#define LIFT_HOST_DEVICE
#endif
