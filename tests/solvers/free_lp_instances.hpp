#pragma once
#include <cstdint>
#include <vector>

#include "mpi/collectives.hpp"
#include "solvers/free_lp.hpp"
#include "tests/solvers/lp_catalogue.hpp"

namespace lift::test {

struct FreeLpSolution {
  FreeLpSummary summary;
  std::vector<double> d;  ///< whole, on every rank
};

inline FreeLpProblem free_problem(const DistributedLp& lp, std::int64_t p) {
  const auto box = lp.problem();
  return {box.a, box.g, box.u, p};
}

inline FreeLpSolution solve_free(const DistributedLp& lp, std::int64_t p, const FreeLpOptions& options = {}) {
  FreeLpSolution solution;
  std::vector<double> d(lp.size());
  solution.summary = solve_free_lp(free_problem(lp, p), options, d);
  const auto& a = lp.problem().a;
  solution.d.resize(static_cast<std::size_t>(a.coordinates()));
  gather_shards(d, solution.d, a.layout(), a.comm());
  return solution;
}

inline FreeLpSolution solve_free(const DenseLp& lp, std::int64_t p) {
  return solve_free(DistributedLp(lp, Communicator::world()), p);
}

inline double* row(DenseLp& lp, int i) {
  return lp.a.data() + i * lp.coordinates;
}

/// Makes the weights' part of g what y gives: A_Wᵀy.
inline void put_cost_in_row_space(DenseLp& lp, std::int64_t p, const std::vector<double>& y) {
  for (std::int64_t k = p; k < lp.coordinates; ++k) {
    lp.g[k] = 0;
    for (int i = 0; i < lp.rows; ++i) lp.g[k] += y[i] * row(lp, i)[k];
  }
}

/// Six rows of which A_W has rank 3: a zero row, a copy and a combination, with λ parts of their own.
inline DenseLp dependent_on_the_weights(std::int64_t p) {
  auto lp = gaussian("dependent on the weights", 6, p + 40, 61);
  for (std::int64_t k = p; k < lp.coordinates; ++k) {
    row(lp, 3)[k] = 0;
    row(lp, 4)[k] = row(lp, 0)[k];
    row(lp, 5)[k] = 2 * row(lp, 1)[k] - 0.5 * row(lp, 2)[k];
  }
  put_cost_in_row_space(lp, p, {1, -2, 0.5, 0, 0, 0});
  return lp;
}

}  // namespace lift::test
