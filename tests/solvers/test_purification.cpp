#include "solvers/purification.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi/philox.hpp"

namespace lift {
namespace {

std::vector<double> products(const DenseColumns& program, const std::vector<double>& x) {
  std::vector<double> b(static_cast<std::size_t>(program.rows), 0.0);
  for (int j = 0; j < program.count(); ++j) {
    for (int i = 0; i < program.rows; ++i)
      b[static_cast<std::size_t>(i)] += program.column(j)[i] * x[static_cast<std::size_t>(j)];
  }
  return b;
}

double cost(const DenseColumns& program, const std::vector<double>& x) {
  double sum = 0;
  for (std::size_t j = 0; j < x.size(); ++j) sum += program.g[j] * x[j];
  return sum;
}

DenseColumns random_program(int rows, int count, std::uint64_t seed) {
  const Philox philox(seed, RandomStream::test);
  DenseColumns program{.rows = rows,
                       .columns = std::vector<double>(static_cast<std::size_t>(rows * count)),
                       .g = std::vector<double>(static_cast<std::size_t>(count)),
                       .u = std::vector<double>(static_cast<std::size_t>(count))};
  philox.normals(0, 0, program.columns);
  philox.normals(1, 0, program.g);
  for (std::size_t j = 0; j < program.u.size(); ++j) program.u[j] = 0.5 + philox.uniform(2, j);
  return program;
}

std::vector<double> random_point(const DenseColumns& program, std::uint64_t seed) {
  const Philox philox(seed, RandomStream::test);
  std::vector<double> x(program.u.size());
  for (std::size_t j = 0; j < x.size(); ++j) x[j] = program.u[j] * (2 * philox.uniform(3, j) - 1);
  return x;
}

TEST(Purification, EndsAtAVertexOfNoLargerCost) {
  for (const int rows : {1, 3, 8}) {
    for (const int count : {1, 7, 60}) {
      const auto program = random_program(rows, count, 7U + static_cast<std::uint64_t>(10 * rows + count));
      const auto x = random_point(program, 8);
      const auto b = products(program, x);
      const auto vertex = purify(program, x, b);
      EXPECT_LE(std::ssize(vertex.basis), std::min(rows, count));
      int inside = 0;
      for (std::size_t j = 0; j < x.size(); ++j) {
        EXPECT_LE(std::fabs(vertex.x[j]), program.u[j] * (1 + 1e-12));
        inside += std::fabs(vertex.x[j]) != program.u[j] ? 1 : 0;
      }
      EXPECT_LE(inside, std::ssize(vertex.basis));
      const auto after = products(program, vertex.x);
      for (std::size_t i = 0; i < b.size(); ++i) EXPECT_NEAR(after[i], b[i], 1e-10);
      EXPECT_LE(cost(program, vertex.x), cost(program, x) + 1e-10);
    }
  }
}

TEST(Purification, SettlesTheBasisForWhatProductsShallBe) {
  const auto program = random_program(4, 30, 21);
  const auto x = random_point(program, 22);
  auto b = products(program, x);
  for (double& entry : b) entry += 1e-4;
  const auto vertex = purify(program, x, b);
  const auto after = products(program, vertex.x);
  for (std::size_t i = 0; i < b.size(); ++i) EXPECT_NEAR(after[i], b[i], 1e-12);
}

TEST(Purification, SurvivesDependentRowsAndZeroColumns) {
  auto program = random_program(3, 20, 31);
  for (int j = 0; j < program.count(); ++j)
    program.columns[static_cast<std::size_t>(3 * j + 2)] =
        2 * program.columns[static_cast<std::size_t>(3 * j)];
  for (int i = 0; i < 3; ++i) program.columns[static_cast<std::size_t>(3 * 5 + i)] = 0;
  const auto x = random_point(program, 32);
  const auto b = products(program, x);
  const auto vertex = purify(program, x, b);
  EXPECT_EQ(vertex.basis.size(), 2U);
  const auto after = products(program, vertex.x);
  for (std::size_t i = 0; i < b.size(); ++i) EXPECT_NEAR(after[i], b[i], 1e-11);
  EXPECT_EQ(vertex.x[5], -std::copysign(program.u[5], program.g[5])) << "nothing but its cost moves it";
}

TEST(Purification, MultipliersMakeTheBasisFree) {
  const auto program = random_program(5, 12, 41);
  const std::vector<int> basis{2, 7, 11};
  const std::vector<double> before{1, -2, 3, 0.5, 0};
  const auto y = vertex_multipliers(program, basis, before);
  for (const int j : basis) {
    double r = program.g[static_cast<std::size_t>(j)];
    for (int i = 0; i < 5; ++i) r -= program.column(j)[i] * y[static_cast<std::size_t>(i)];
    EXPECT_NEAR(r, 0, 1e-12);
  }
  // The least change has no part that no column of the basis sees: asked again, nothing changes.
  const auto again = vertex_multipliers(program, basis, y);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(again[i], y[i], 1e-12);
}

}  // namespace
}  // namespace lift
