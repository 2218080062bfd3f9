#pragma once
#include <ATen/core/Tensor.h>

namespace lift {

/// Exchanges the values of two tensors while it lives, if they are two.
///
/// Shapes  a, b: [n], contiguous, equal type and device. Cost: no copy of either, but of a piece of them.
/// Test    tests/src/methods/test_weight_problems.cpp
class ExchangedValues {
 public:
  ExchangedValues(at::Tensor a, at::Tensor b);
  ~ExchangedValues();
  ExchangedValues(const ExchangedValues&) = delete;
  ExchangedValues& operator=(const ExchangedValues&) = delete;

 private:
  void exchange();
  at::Tensor a_, b_;
};

}  // namespace lift
