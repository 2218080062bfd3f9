#include "src/training/vectors.hpp"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace lift {
namespace {
constexpr std::int64_t kStretch = std::int64_t{1} << 22;
}  // namespace

double dot64(const at::Tensor& a, const at::Tensor& b) {
  double total = 0;
  for (std::int64_t begin = 0; begin < a.numel(); begin += kStretch) {
    const std::int64_t size = std::min(kStretch, a.numel() - begin);
    const auto x = a.narrow(0, begin, size).to(at::kDouble);
    const auto y = b.narrow(0, begin, size).to(at::kDouble);
    total += (x * y).sum().item().toDouble();
  }
  return total;
}

double norm64(const at::Tensor& a) {
  return std::sqrt(dot64(a, a));
}

}  // namespace lift
