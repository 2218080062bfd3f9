#include "src/training/vectors.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cmath>

namespace lift {
namespace {

TEST(Vectors, DotIsExactOnWholeNumbers) {
  const auto a = at::arange(1, 101, at::kFloat);
  EXPECT_EQ(dot64(a, a), 338350);
  EXPECT_EQ(norm64(a), std::sqrt(338350.0));
}

TEST(Vectors, SumsOfManyFloatsKeepTheirDigits) {
  const std::int64_t n = (std::int64_t{1} << 22) + 12345;  // more than one stretch
  const auto a = at::full({n}, 0.1, at::kFloat);
  const double each = static_cast<double>(0.1F) * static_cast<double>(0.1F);
  EXPECT_NEAR(dot64(a, a) / (each * static_cast<double>(n)), 1.0, 1e-12);
}

TEST(Vectors, NothingHasNoLength) {
  EXPECT_EQ(norm64(at::arange(0, at::kDouble)), 0);
}

}  // namespace
}  // namespace lift
