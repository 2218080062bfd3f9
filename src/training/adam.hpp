#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lift {

/// Adam (Kingma and Ba 2015, Algorithm 1) on one flat tensor, without weight decay: F's regulariser is in the
/// gradient.
///
/// Shapes  w, gradient: [n], equal type and device; the moments are kept in the same.
/// Test    tests/src/training/test_adam.cpp against the formulas step by step
class Adam {
 public:
  struct Options {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
  };
  Adam(const at::Tensor& w, Options options);
  /// One step of `w` with learning rate `rate`. One fused pass over w, gradient and moments.
  void step(at::Tensor& w, const at::Tensor& gradient, double rate);
  [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }

  struct Moments {
    at::Tensor first, second;
  };
  /// For a kernel that makes the whole step itself, and then counts it.
  [[nodiscard]] const Moments& moments() const noexcept { return moments_; }
  void count_step() noexcept { ++steps_; }
  /// Goes on from moments [n] and a number of steps that another Adam had.
  void resume(const at::Tensor& first, const at::Tensor& second, std::int64_t steps);

 private:
  Options options_;
  Moments moments_;
  at::Tensor kernel_steps_;  ///< steps_ as the fused kernel reads it: float32 on the device
  std::int64_t steps_ = 0;
};

/// Scales `gradient` to norm `limit` if it is longer; returns its norm before. limit = 0 clips nothing; a
/// gradient whose norm is not finite is left alone.
/// Test  tests/src/training/test_adam.cpp
double clip_norm(at::Tensor& gradient, double limit);

}  // namespace lift
