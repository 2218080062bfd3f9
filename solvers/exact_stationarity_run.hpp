#pragma once
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "solvers/exact_stationarity.hpp"
#include "solvers/shifted_cg.hpp"

namespace lift::stationarity {

/// One run of solve_stationarity, or of solve_adjoint, which has no dW.
///
/// Collective  everything, on the problem's communicator; all ranks take the same decisions, because
///             these rest on sums over ranks alone.
class Run {
 public:
  Run(const StationarityProblem& problem, const StationarityOptions& options,
      std::optional<std::span<double>> dw = {});
  StationaritySummary run();

 private:
  [[nodiscard]] std::string nothing_to_move();
  bool choose_damping();
  CgEnd solve_once();
  CgEnd solve(int chain, int share, std::span<double> x, int& iterations, double& change);
  CgEnd grow_until_solved(int chain, std::int64_t allowed, std::vector<double>& y, double& change);
  [[nodiscard]] std::vector<double> galerkin(int chain) const;
  CgEnd finish_by_cg(int chain, std::int64_t allowed, std::span<const double> y, std::span<double> x);
  void follow_gradient(std::span<const double> q);
  void go_down();
  CgEnd solve_direction();
  void start_direction();
  void share_basis();
  [[nodiscard]] bool raise_damping();
  void note_curvature(double least, double greatest);
  [[nodiscard]] double curvature_scale() const;
  void measure();
  [[nodiscard]] StationarityStatus judge(CgEnd end) const;
  [[nodiscard]] std::string numbers() const;
  StationaritySummary summarise(StationarityStatus status, const std::string& note = "");
  [[nodiscard]] bool absolute() const noexcept { return options_.inverse == DampedInverse::absolute; }

  const StationarityProblem& problem_;
  const StationarityOptions& options_;
  std::chrono::steady_clock::time_point started_;
  std::optional<std::span<double>> dw_;
  std::vector<double> q_, rhs_;  ///< (H22 + μ)q = g, (H22 + μ)dW = rhs
  BlockOperator products_;       ///< with H22, counted
  SymmetricOperator product_;    ///< likewise, one
  KrylovBasis basis_;
  int q_chain_ = -1, z_chain_ = -1;
  std::vector<double> z_lambda_;  ///< dλ that z_chain_ began with
  double least_ = 0;              ///< least curvature of H22 + μ met in the last solve
  StationaritySummary summary_;
};

}  // namespace lift::stationarity
