#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "mpi/collectives.hpp"
#include "solvers/split_lp.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift::test {

struct SplitLpSolution {
  SplitLpSummary summary;
  std::vector<double> d;  ///< whole, on every rank
};

inline SplitLpProblem split_problem(const DistributedLp& lp, std::int64_t p, LambdaSet set) {
  const auto box = lp.problem();
  return {box.a, box.g, box.u, p, set};
}

inline SplitLpSolution solve_split(const DistributedLp& lp, std::int64_t p, LambdaSet set,
                                   const SplitLpOptions& options = {}) {
  SplitLpSolution solution;
  std::vector<double> d(lp.size());
  solution.summary = solve_split_lp(split_problem(lp, p, set), options, d);
  const auto& a = lp.problem().a;
  solution.d.resize(static_cast<std::size_t>(a.coordinates()));
  gather_shards(d, solution.d, a.layout(), a.comm());
  return solution;
}

inline SplitLpSolution solve_split(const DenseLp& lp, std::int64_t p, LambdaSet set,
                                   const Communicator& comm = Communicator::world()) {
  return solve_split(DistributedLp(lp, comm), p, set);
}

/// −‖D r‖_λ − ‖D r_W‖₂ with r = g − Aᵀy, in long double.
inline long double split_dual(const DenseLp& lp, std::int64_t p, LambdaSet set,
                              const std::vector<double>& y) {
  long double sum = 0, lambda = 0, weights = 0;
  for (std::int64_t k = 0; k < lp.coordinates; ++k) {
    long double r = lp.g[k];
    for (int i = 0; i < lp.rows; ++i) r -= static_cast<long double>(y[i]) * lp.a[i * lp.coordinates + k];
    r *= lp.u[k];
    sum += k < p ? std::fabs(r) : 0;
    (k < p ? lambda : weights) += r * r;
  }
  return -(set == LambdaSet::box ? sum : std::sqrt(lambda)) - std::sqrt(weights);
}

/// What the gap is relative to.
inline double split_cost(const DenseLp& lp, std::int64_t p, LambdaSet set) {
  return -static_cast<double>(split_dual(lp, p, set, std::vector<double>(static_cast<std::size_t>(lp.rows))));
}

}  // namespace lift::test
