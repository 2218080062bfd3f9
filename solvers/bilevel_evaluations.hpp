#pragma once
#include <cmath>
#include <exception>
#include <span>
#include <vector>

#include "mpi/communicator.hpp"
#include "solvers/bilevel.hpp"

namespace lift {

/// Evaluations of all ranks together, led by rank 0; they are written down in `summary`, which keeps the
/// best.
class BilevelEvaluations {
 public:
  /// What is handed in must outlive it.
  BilevelEvaluations(const BilevelProblem& problem, const Communicator& comm, const BilevelOptions& options,
                     BilevelSummary& summary);

  /// Rank 0 asks for V at θ; false, and nothing is evaluated, once they have ended.
  bool at(std::span<const double> theta);
  /// The other ranks, until rank 0 says that it has done.
  void follow();
  /// Rank 0, at the end; what the objective threw was thrown on every rank.
  void finish();
  /// Something but the objective failed on rank 0.
  void fail(std::exception_ptr failure);
  /// Every rank, at the end.
  void agree_on_failure();

  [[nodiscard]] const BilevelPoint& last() const { return summary_.path.back(); }
  [[nodiscard]] std::span<const double> gradient() const { return gradient_; }
  [[nodiscard]] double best() const { return summary_.value; }
  [[nodiscard]] bool spent() const { return std::ssize(summary_.path) >= options_.max_evaluations; }
  [[nodiscard]] bool ended() const {
    const bool no_start = !summary_.path.empty() && std::isnan(summary_.value);
    return thrown_ != nullptr || failure_ != nullptr || no_start || spent();
  }
  [[nodiscard]] bool converged() const { return stationary(summary_.value, summary_.projected_gradient); }
  /// Whether θ was evaluated and found to be stationary.
  [[nodiscard]] bool stationary_at(std::span<const double> theta) const;

 private:
  void tell(int what);
  [[nodiscard]] int told();
  [[nodiscard]] bool stationary(double value, double projected_gradient) const {
    return projected_gradient <= options_.tol * std::fabs(value);
  }
  [[nodiscard]] double projected(const std::vector<double>& theta, double value) const;
  void note(const std::vector<double>& theta, double value);

  const BilevelProblem& problem_;
  const Communicator& comm_;
  const BilevelOptions& options_;
  BilevelSummary& summary_;
  std::vector<double> gradient_;
  std::exception_ptr thrown_, failure_;
};

}  // namespace lift
