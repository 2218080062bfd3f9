#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "solvers/box_lp.hpp"

namespace lift::test {

/// A whole box LP, the same on every rank.
struct DenseLp {
  std::string name;
  int rows = 0;
  std::int64_t coordinates = 0;
  std::vector<double> a;  ///< rows × coordinates, row-major
  std::vector<double> g;
  std::vector<double> u;
  std::optional<double> optimum;  ///< where a closed form is known
};

/// Instances with a closed form: design notes 1.6 and 1.7, and ones solved by hand.
std::vector<DenseLp> closed_forms();
/// Instances that are hard in one way each: dependent rows, zero rows, fixed coordinates, bad scaling, …
std::vector<DenseLp> hard_cases();
/// A Gaussian instance with u = 1; `seed` names it.
DenseLp gaussian(const std::string& name, int rows, std::int64_t coordinates, std::uint64_t seed);
/// Likewise, its columns and costs multiplied by Cauchy variates.
DenseLp heavy_tailed(const std::string& name, int rows, std::int64_t coordinates, std::uint64_t seed);

/// A Gaussian instance that by construction has one optimum: its first coordinates `inside` the box u = 1,
/// where there may be fewer than rows or some hardly off a bound, all others at theirs.
DenseLp vertex(int rows, const std::vector<double>& inside, std::int64_t coordinates, std::uint64_t seed);

/// One DenseLp dealt out over the ranks of a communicator.
class DistributedLp {
 public:
  DistributedLp(const DenseLp& lp, const Communicator& comm);
  [[nodiscard]] BoxLpProblem problem() const { return {a_, g_, u_}; }
  [[nodiscard]] std::vector<double>& g() { return g_; }
  [[nodiscard]] std::vector<double>& u() { return u_; }
  [[nodiscard]] ProbeMatrix& a() { return a_; }
  [[nodiscard]] std::size_t size() const { return g_.size(); }

 private:
  ProbeMatrix a_;
  std::vector<double> g_;
  std::vector<double> u_;
};

struct LpSolution {
  BoxLpSummary summary;
  std::vector<double> d;  ///< this rank's shard
};

/// Deals `lp` out over `comm` and solves it.
LpSolution solve_dealt(const DenseLp& lp, const Communicator& comm, const BoxLpOptions& options = {},
                       std::span<const double> tau = {});

/// What gap and objective are relative to.
double cost_norm(const DenseLp& lp);

/// Letters and digits of the instance's name, behind its number: a name for gtest.
std::string name_of_test(std::size_t index, const DenseLp& lp);

/// The optimum by enumeration: the dual max_y −Σ u_k |g_k − a_kᵀy| is attained where `rows` of the reduced
/// costs vanish, if A has full row rank. For tiny instances only.
double optimum_by_enumeration(const DenseLp& lp);

}  // namespace lift::test
