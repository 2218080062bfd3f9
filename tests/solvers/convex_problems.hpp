#pragma once
#include <vector>

#include "tests/solvers/stationarity_instances.hpp"

namespace lift::test {

/// Two small convex problems whose minimiser W*(λ) is known to rounding: six weights in two groups of three,
/// regulariser Σ λ_i ‖W_i‖², training and validation data drawn apart.
struct ConvexProblem {
  static constexpr int kRows = 12, kWeights = 6, kGroups = 2;
  [[nodiscard]] static int group_of(int weight) { return weight / 3; }
  [[nodiscard]] static double product(const std::vector<double>& m, int row, const std::vector<double>& w);
  /// Xᵀ diag(s) X + 2 diag(λ of each weight).
  [[nodiscard]] DenseMatrix hessian_of(const std::vector<double>& s, const std::vector<double>& lambda) const;
  /// Xᵀ r, of whichever data.
  [[nodiscard]] static std::vector<double> transposed(const std::vector<double>& m,
                                                      const std::vector<double>& r);
  /// Equation (6) at `w`, with H21's columns 2 W_i.
  [[nodiscard]] static Instance instance_at(const std::vector<double>& w, DenseMatrix h22,
                                            std::vector<double> g);

  std::vector<double> x = normals(kRows * kWeights, 200), xv = normals(kRows * kWeights, 202);
};

/// L_t = ½‖XW − y‖².
struct Ridge : ConvexProblem {
  std::vector<double> y = normals(kRows, 201), yv = normals(kRows, 203);
  [[nodiscard]] std::vector<double> optimum(const std::vector<double>& lambda) const;
  [[nodiscard]] double validation_loss(const std::vector<double>& w) const;
  [[nodiscard]] Instance instance(const std::vector<double>& lambda) const;
};

/// L_t = Σ log(1 + exp(−y x·W)), y = ±1; W* by Newton's method.
struct Logistic : ConvexProblem {
  std::vector<double> y = signs(204), yv = signs(205);
  [[nodiscard]] static std::vector<double> signs(std::uint64_t seed);
  [[nodiscard]] std::vector<double> optimum(const std::vector<double>& lambda) const;
  [[nodiscard]] double validation_loss(const std::vector<double>& w) const;
  [[nodiscard]] Instance instance(const std::vector<double>& lambda) const;

 private:
  /// ∂L/∂(x·W) of each row, and the second derivative.
  struct Slopes {
    std::vector<double> first, second;
  };
  [[nodiscard]] static Slopes slopes(const std::vector<double>& m, const std::vector<double>& labels,
                                     const std::vector<double>& w);
};

}  // namespace lift::test
