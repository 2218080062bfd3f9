#pragma once
#include <ATen/core/Tensor.h>

#include <exception>

namespace lift {

/// W ← start + t·direction in W's type; t = 0 gives `start` to the last bit even where `direction` is not
/// finite. `w` may be `start` itself.
///
/// Method  at::add, and on a GPU a kernel (step_kernel.hpp) whose product and sum are rounded once.
/// Shapes  all [n], contiguous, equal type and device.
/// Test    tests/src/search/test_line_search.cpp
void step_along(at::Tensor& w, const at::Tensor& start, const at::Tensor& direction, double t);

/// Keeps a copy of W while others move it, and puts it back to the last bit at destruction.
class SavedWeights {
 public:
  explicit SavedWeights(const at::Tensor& w) : w_(w), start_(w.clone()) {}
  /// While another error unwinds, one of the device that also stops the copy would hide it.
  ~SavedWeights() noexcept(false) {
    try {
      restore();
    } catch (...) {
      if (std::uncaught_exceptions() == unwinding_) throw;
    }
  }
  SavedWeights(const SavedWeights&) = delete;
  SavedWeights& operator=(const SavedWeights&) = delete;

  void restore() { w_.copy_(start_); }
  /// W ← W0 + t·direction, from the copy: steps do not add up.
  void step(const at::Tensor& direction, double t) { step_along(w_, start_, direction, t); }
  [[nodiscard]] const at::Tensor& start() const noexcept { return start_; }

 private:
  at::Tensor w_;
  at::Tensor start_;
  int unwinding_ = std::uncaught_exceptions();
};

}  // namespace lift
