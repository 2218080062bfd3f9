// In(H) = (r, r, p − r) + In(ZᵀH22Z) for the joint Hessian H = [0 H12; H21 H22], r = rank H21 and Z a basis
// of null(H12), on dense matrices: H is never positive semidefinite where a weight is regularised.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/solvers/convex_problems.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

using namespace test;

struct Inertia {
  int positive = 0, negative = 0, zero = 0;
  bool operator==(const Inertia&) const = default;
};

void PrintTo(const Inertia& in, std::ostream* out) {
  *out << "(" << in.positive << ", " << in.negative << ", " << in.zero << ")";
}

/// Ascending, by Jacobi's rotations.
std::vector<double> eigenvalues_of(DenseMatrix matrix) {
  const auto n = matrix.size;
  const auto at = [&](std::int64_t i, std::int64_t j) -> double& { return matrix.entries[i * n + j]; };
  for (int sweep = 0; sweep < 30; ++sweep) {
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = i + 1; j < n; ++j) {
        if (at(i, j) == 0) continue;
        const double angle = 0.5 * std::atan2(2 * at(i, j), at(j, j) - at(i, i));
        const double c = std::cos(angle), s = std::sin(angle);
        for (std::int64_t k = 0; k < n; ++k) {
          const double x = at(i, k), y = at(j, k);
          at(i, k) = c * x - s * y;
          at(j, k) = s * x + c * y;
        }
        for (std::int64_t k = 0; k < n; ++k) {
          const double x = at(k, i), y = at(k, j);
          at(k, i) = c * x - s * y;
          at(k, j) = s * x + c * y;
        }
      }
    }
  }
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(at(i, i));
  std::ranges::sort(values);
  return values;
}

/// Of eigenvalues, those count as 0 that are within rounding of the largest.
Inertia inertia_of(const DenseMatrix& matrix) {
  const auto values = eigenvalues_of(matrix);
  Inertia in;
  if (values.empty()) return in;
  const double rounding = 1e-10 * std::max(std::fabs(values.front()), std::fabs(values.back()));
  for (const double value : values)
    ++(std::fabs(value) <= rounding ? in.zero : value > 0 ? in.positive : in.negative);
  return in;
}

DenseMatrix joint_hessian(const Instance& instance, double h11 = 0) {
  const auto p = std::ssize(instance.h21), n = instance.h22.size, size = p + n;
  DenseMatrix joint{size, std::vector<double>(static_cast<std::size_t>(size * size), 0.0)};
  for (std::int64_t i = 0; i < p; ++i) {
    joint.entries[i * size + i] = h11;
    for (std::int64_t k = 0; k < n; ++k)
      joint.entries[i * size + p + k] = joint.entries[(p + k) * size + i] = instance.h21[i][k];
  }
  for (std::int64_t k = 0; k < n; ++k)
    for (std::int64_t l = 0; l < n; ++l) joint.entries[(p + k) * size + p + l] = instance.h22.at(k, l);
  return joint;
}

/// An orthonormal basis of null(H12).
std::vector<std::vector<double>> null_basis(const Instance& instance) {
  std::vector<double> rows;
  for (const auto& column : instance.h21) rows.insert(rows.end(), column.begin(), column.end());
  std::vector<std::vector<double>> basis;
  const auto n = static_cast<std::size_t>(instance.h22.size);
  for (std::size_t k = 0; k < n; ++k) {
    std::vector<double> unit(n, 0.0);
    unit[k] = 1;
    auto left = project_off_dense(rows, unit);
    const double length = std::sqrt(dot_dense(left, left));
    if (length < 1e-6) continue;
    for (double& entry : left) entry /= length;
    rows.insert(rows.end(), left.begin(), left.end());
    basis.push_back(left);
  }
  return basis;
}

/// ZᵀH22Z.
DenseMatrix restricted(const DenseMatrix& h22, const std::vector<std::vector<double>>& z) {
  DenseMatrix small{std::ssize(z), {}};
  for (const auto& row : z)
    for (const auto& column : z) small.entries.push_back(dot_dense(row, h22.times(column)));
  return small;
}

Inertia by_formula(const Instance& instance, const std::vector<std::vector<double>>& z) {
  const int p = static_cast<int>(instance.h21.size());
  const int r = static_cast<int>(instance.h22.size) - static_cast<int>(z.size());
  const Inertia rest = inertia_of(restricted(instance.h22, z));
  return {r + rest.positive, r + rest.negative, p - r + rest.zero};
}

Instance a1() {
  return instance_of({1.2}, {{10.0 / 3}}, {2.0 / 3}, {1});
}

Instance a1_both_blocks() {
  return instance_of({1.2, 0, 0, 1.2}, {{10.0 / 3, 0}, {0, 5.0 / 3}}, {2.0 / 3, -7.0 / 6}, {1, 1});
}

Instance indefinite() {
  return random_instance({-2, -1, -0.5, 0.3, 1, 2, 3, 4}, 3, 700);
}

struct Case {
  const char* name;
  Instance instance;
  int rank;  ///< of H21
};

std::vector<Case> cases() {
  auto equal = random_instance({-1, -0.5, 0.5, 1, 2, 3}, 3, 710);
  equal.h21[2] = equal.h21[0];
  auto at_zero = random_instance({0.5, 1, 2, 3, 4}, 2, 720);
  std::ranges::fill(at_zero.h21[1], 0.0);
  return {{"A1", a1(), 1},
          {"A1, both blocks", a1_both_blocks(), 2},
          {"ridge", Ridge().instance({0.4, 1.1}), 2},
          {"logistic", Logistic().instance({0.4, 1.1}), 2},
          {"H22 indefinite", indefinite(), 3},
          {"H22 singular", random_instance({0, 0, 0, 0, 1, 2, 3}, 2, 730), 2},
          {"two equal columns", equal, 2},
          {"a group at 0, as l2-sp at the pretrained weights", at_zero, 1},
          {"as many columns as weights", random_instance({-1, 1, 2}, 3, 740), 3},
          {"no group", random_instance({-1, 0, 2}, 0, 750), 0}};
}

TEST(JointInertia, IsThatOfTheFormula) {
  for (const auto& [name, instance, rank] : cases()) {
    SCOPED_TRACE(name);
    const auto z = null_basis(instance);
    ASSERT_EQ(instance.h22.size - std::ssize(z), rank);
    const Inertia in = inertia_of(joint_hessian(instance));
    EXPECT_EQ(in, by_formula(instance, z));
    EXPECT_GE(in.negative, rank);
  }
}

TEST(JointInertia, OfA1IsOneOfEachSign) {
  const auto values = eigenvalues_of(joint_hessian(a1()));
  const double root = std::sqrt(0.36 + 100.0 / 9);
  EXPECT_NEAR(values[0], 0.6 - root, 1e-14);
  EXPECT_NEAR(values[1], 0.6 + root, 1e-14);
  EXPECT_EQ(inertia_of(joint_hessian(a1())), (Inertia{1, 1, 0}));
  EXPECT_EQ(inertia_of(joint_hessian(a1_both_blocks())), (Inertia{2, 2, 0}));
}

/// A convex lower level changes nothing: p directions stay negative.
TEST(JointInertia, OfAConvexProblemHasAsManyNegativeDirectionsAsGroups) {
  for (const Instance& instance : {Ridge().instance({0.4, 1.1}), Logistic().instance({0.4, 1.1})}) {
    EXPECT_EQ(inertia_of(instance.h22), (Inertia{6, 0, 0}));
    EXPECT_EQ(inertia_of(joint_hessian(instance)), (Inertia{6, 2, 0}));
  }
}

TEST(JointInertia, TheFormulaNeedsItsPremises) {
  const auto instance = instance_of({-1, 0, 0, 0, 1, 0, 0, 0, 1}, {{2, 0, 0}}, {1, 1, 1}, {1});
  const Inertia in = inertia_of(joint_hessian(instance));
  EXPECT_EQ(in, (Inertia{3, 1, 0})) << "the negative direction is in the range of H21";
  EXPECT_EQ(by_formula(instance, {{0, 1, 0}, {0, 0, 1}}), in);
  EXPECT_NE(by_formula(instance, {{1, 0, 0}, {0, 1, 0}}), in) << "Z spans another space than null(H12)";
  EXPECT_NE(inertia_of(joint_hessian(instance, -10)), in) << "H11 is not 0";
}

}  // namespace
}  // namespace lift
