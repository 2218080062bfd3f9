#include "tests/solvers/stationarity_instances.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "mpi/philox.hpp"
#include "tests/solvers/sharded_operator.hpp"

namespace lift::test {

std::vector<double> normals(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  Philox(seed, RandomStream::test).normals(0, 0, std::span<double>(values));
  return values;
}

std::vector<double> geometric(int count, double first, double last) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(first * std::pow(last / first, i / (count - 1.0)));
  return values;
}

Instance instance_of(std::vector<double> h22, std::vector<std::vector<double>> h21, std::vector<double> g,
                     std::vector<double> s) {
  Instance instance;
  instance.h22.size = static_cast<std::int64_t>(g.size());
  instance.h22.entries = std::move(h22);
  instance.h21 = std::move(h21);
  instance.g = std::move(g);
  instance.s = std::move(s);
  return instance;
}

Instance random_instance(const std::vector<double>& eigenvalues, std::size_t p, std::uint64_t seed) {
  Instance instance;
  instance.h22 = with_spectrum(eigenvalues, seed);
  instance.g = normals(eigenvalues.size(), seed + 1);
  for (std::size_t i = 0; i < p; ++i) {
    instance.h21.push_back(normals(eigenvalues.size(), seed + 2 + i));
    instance.s.push_back(0.5 + 0.25 * static_cast<double>(i));
  }
  return instance;
}

namespace {

/// Calls `use` with the instance as a problem, with H12 = h12_factor · H21ᵀ and products rounded to float
/// where `single`.
template <typename Use>
void with_problem(const Instance& instance, ShardedOperator& h, const Communicator& comm,
                  const std::vector<double>& h12_factors, bool single, const Use& use) {
  std::vector<std::vector<double>> columns;
  for (const auto& column : instance.h21) columns.push_back(h.shard(column));
  const auto g = h.shard(instance.g);
  const auto exact = h.callable();
  const SymmetricOperator h22 = [&](std::span<const double> x, std::span<double> y) {
    exact(x, y);
    for (double& entry : y) entry = single ? static_cast<float>(entry) : entry;
  };
  const auto h21 = [&](std::span<const double> lambda, std::span<double> w) {
    std::fill(w.begin(), w.end(), 0.0);
    for (std::size_t i = 0; i < columns.size(); ++i)
      for (std::size_t k = 0; k < w.size(); ++k) w[k] += columns[i][k] * lambda[i];
  };
  const auto h12 = [&](std::span<const double> w, std::span<double> lambda) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      lambda[i] = 0;
      const double factor = h12_factors.empty() ? 1 : h12_factors[std::min(i, h12_factors.size() - 1)];
      for (std::size_t k = 0; k < w.size(); ++k) lambda[i] += factor * columns[i][k] * w[k];
    }
  };
  use(StationarityProblem{h22, h21, h12, g, instance.s, h.layout(), comm});
}

template <typename Solver>
Solution solve_by(const Solver& solver, const Instance& instance, const Communicator& comm, double h12_factor,
                  bool single) {
  ShardedOperator h(instance.h22, comm);
  std::vector<double> dw(h.shard(instance.g).size(), 7.0);
  Solution solution;
  with_problem(instance, h, comm, {h12_factor}, single,
               [&](const StationarityProblem& problem) { solution.summary = solver(problem, dw); });
  solution.dw = h.whole(dw);
  solution.q = h.whole(solution.summary.q);
  solution.products = h.products();
  return solution;
}

}  // namespace

Solution solve(const Instance& instance, const StationarityOptions& options, const Communicator& comm,
               double h12_factor, bool single) {
  const auto solver = [&](const StationarityProblem& problem, std::span<double> dw) {
    return solve_stationarity(problem, options, dw);
  };
  return solve_by(solver, instance, comm, h12_factor, single);
}

Solution solve(const Instance& instance, const StationarityOptions& options) {
  const auto world = Communicator::world();
  return solve(instance, options, world);
}

Solution adjoint(const Instance& instance, const StationarityOptions& options, const Communicator& comm,
                 bool single) {
  const auto solver = [&](const StationarityProblem& problem, std::span<double>) {
    return solve_adjoint(problem, options);
  };
  return solve_by(solver, instance, comm, 1, single);
}

SchurSummary schur(const Instance& instance, const SchurOptions& options, const Communicator& comm,
                   const std::vector<double>& h12_factors) {
  ShardedOperator h(instance.h22, comm);
  SchurSummary summary;
  with_problem(instance, h, comm, h12_factors, false,
               [&](const StationarityProblem& problem) { summary = schur_complement(problem, options); });
  EXPECT_EQ(summary.products, h.products());
  return summary;
}

StationarityOptions with_mu(double mu) {
  StationarityOptions options;
  options.mu = mu;
  return options;
}

void expect_solved_to(const Solution& solution, double residual) {
  const auto& s = solution.summary;
  EXPECT_EQ(s.status, StationarityStatus::solved) << s.message;
  EXPECT_TRUE(answered(s.status));
  EXPECT_LE(s.q_residual, residual);
  EXPECT_LE(s.z_residual, residual);
  EXPECT_LE(s.certificate, 100 * residual);
  EXPECT_LT(s.g_dw, 0);
  EXPECT_EQ(s.products, solution.products);
}

void expect_solved(const Solution& solution) {
  expect_solved_to(solution, 1e-7);
}

}  // namespace lift::test
