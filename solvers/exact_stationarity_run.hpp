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
  void follow_gradient(std::span<const double> q);
  [[nodiscard]] bool raise_damping();
  CgSummary solve(std::span<const double> b, std::span<double> x, int share);
  void note_curvature(double least, double greatest);
  [[nodiscard]] double curvature_scale() const;
  CgEnd solve_direction();
  void measure();
  [[nodiscard]] double relative_residual(std::span<const double> b, std::span<const double> x);
  [[nodiscard]] StationarityStatus judge(CgEnd end) const;
  [[nodiscard]] std::string numbers() const;
  StationaritySummary summarise(StationarityStatus status, const std::string& note = "");

  const StationarityProblem& problem_;
  const StationarityOptions& options_;
  std::chrono::steady_clock::time_point started_;
  std::optional<std::span<double>> dw_;
  std::vector<double> q_, rhs_;  ///< (H22 + μ)q = g, (H22 + μ)dW = rhs
  SymmetricOperator counted_;    ///< H22, its products counted
  double least_ = 0;             ///< least curvature of H22 + μ in the last solve
  StationaritySummary summary_;
};

}  // namespace lift::stationarity
