#include "solvers/second_order_cone.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/philox.hpp"
#include "tests/solvers/dense_reference.hpp"

namespace lift {
namespace {

using Vector = std::vector<double>;

Vector random(std::size_t size, std::uint64_t seed) {
  Vector v(size);
  Philox(seed, RandomStream::test).normals(0, 0, v);
  return v;
}

double slack(const Vector& x) {
  double square = 0;
  for (std::size_t i = 1; i < x.size(); ++i) square += x[i] * x[i];
  return x[0] - std::sqrt(square);
}

/// A point this far inside the cone.
Vector inside(std::size_t size, std::uint64_t seed, double distance) {
  Vector x = random(size, seed);
  x[0] += distance - slack(x);
  return x;
}

TEST(SecondOrderCone, ScalesBothPointsToTheSame) {
  for (const double distance : {1.0, 1e-3, 1e-7}) {
    const auto s = inside(6, 1, distance), z = inside(6, 2, 2 * distance);
    const ConeScaling scaling(s, z);
    const auto shrunk = scaling.divide(s), point = scaling.divide(shrunk);
    double size = 0;
    for (const double entry : z) size = std::max(size, std::fabs(entry));
    for (std::size_t i = 0; i < z.size(); ++i) EXPECT_NEAR(point[i], z[i], 1e-14 * size / distance);
    EXPECT_GT(slack(shrunk), 0);
    EXPECT_NEAR(test::dot_dense(shrunk, shrunk), test::dot_dense(s, z), 1e-7 * test::dot_dense(s, z));
  }
}

TEST(SecondOrderCone, HasTheSquareOfItsScalingInClosedForm) {
  const auto s = inside(5, 3, 0.2), z = inside(5, 4, 0.7), x = random(5, 5);
  const ConeScaling scaling(s, z);
  const auto twice = scaling.divide(scaling.divide(x));
  const double along = 2 * test::dot_dense(scaling.axis(), x);
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(twice[i], scaling.factor() * (along * scaling.axis()[i] + (i == 0 ? -1 : 1) * x[i]), 1e-12);
}

TEST(SecondOrderCone, DividesWhatItMultiplies) {
  const auto x = inside(5, 6, 0.4), y = random(5, 7);
  const auto back = cone_quotient(x, cone_product(x, y));
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(back[i], y[i], 1e-13);
  EXPECT_EQ(cone_product(unit_of_cone(5), y), y);
}

TEST(SecondOrderCone, FindsWhereALineLeavesIt) {
  for (std::uint64_t seed = 10; seed < 30; ++seed) {
    const auto x = inside(4, seed, 0.3), d = random(4, 100 + seed);
    const double inverse = inverse_step(x, d);
    const auto at = [&](double alpha) {
      Vector moved = x;
      for (std::size_t i = 0; i < x.size(); ++i) moved[i] += alpha * d[i];
      return slack(moved);
    };
    if (inverse > 1e-3) {
      EXPECT_NEAR(at(1 / inverse), 0, 1e-11 / inverse);
      EXPECT_GT(at(0.99 / inverse), 0);
      EXPECT_LT(at(1.01 / inverse), 0);
    } else if (inverse <= 0) {
      EXPECT_GT(at(1e3), 0);
    }
  }
  EXPECT_LE(inverse_step(unit_of_cone(3), unit_of_cone(3)), 0);
}

TEST(SecondOrderCone, OfOneEntryIsTheHalfLine) {
  const ConeScaling scaling(Vector{4}, Vector{9});
  EXPECT_NEAR(scaling.divide(Vector{4})[0], 6, 1e-14);
  EXPECT_NEAR(inverse_step(Vector{4}, Vector{-8}), 2, 1e-15);
}

}  // namespace
}  // namespace lift
