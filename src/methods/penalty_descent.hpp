#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "src/methods/bilevel_problem.hpp"
#include "src/methods/descent_rule.hpp"
#include "src/resume/checkpoints.hpp"

namespace lift {

/// First-order methods for a BilevelProblem. y follows min_y f/γ + g, y_g follows min_y g, each by K inner
/// steps from where it was.
enum class PenaltyMethod {
  /// x ← x − η ∇_x f(x, y): neither y_g nor a value function (PBGD-Free; arXiv:2507.20400, Algorithm 1).
  pbgd_free,
  /// x ← x − η {∇_x f(x, y) + γ(∇_x g(x, y) − ∇_x g(x, y_g))} (F2SA, Kwon et al. 2023, also ALT-PBGD).
  f2sa,
  /// (x, y) ← (x, y) − η {∇f + γ(∇g − (∇_x g(x, y_g), 0))} at once (V-PBGD, Shen and Chen 2023).
  v_pbgd,
  /// (x, y) ← (x, y) − η {∇f + λ∇q}, q = g(x, y) − g(x, y_g), with the least λ ≥ 0 for which
  /// ⟨∇q, ∇f + λ∇q⟩ ≥ ½‖∇q‖² (BOME, Ye et al. 2022).
  bome,
  /// (x, y) ← (x, y) − η {w ∇f + (1 − w) ∇g}: both as equals (ALRIGHT, Fernando et al. 2024).
  alright
};

struct PenaltyOptions {
  PenaltyMethod method = PenaltyMethod::f2sa;
  DescentRule rule = DescentRule::gradient;
  double gamma = 10;                     ///< γ > 0, the penalty's weight
  int inner = 1;                         ///< K ≥ 1
  double rate = 0.01;                    ///< η > 0, of x, and of (x, y) where they move at once
  double inner_rate = 0.01;              ///< > 0, of y and y_g
  std::optional<double> dual_rate = {};  ///< > 0, of the multipliers of a constraint; without it inner_rate
  double weight = 0.5;                   ///< w in [0, 1], of alright
  std::int64_t steps = 1000;             ///< T ≥ 0
  /// Converged once residual ≤ tolerance, ≥ 0; 0: all steps are taken.
  double tolerance = 0;
  /// "" when valid, else as "gamma = 0 violates gamma > 0".
  [[nodiscard]] std::string violation() const;
};

/// How a descent stands.
struct PenaltyStep {
  std::int64_t step = 0;  ///< taken
  double upper = 0;       ///< f where the last step of x was made from
  double lower = 0;       ///< g there; NaN where the method does not ask for it
  /// ‖z − Proj(z − η d)‖ / η, z = x or (x, y), d what the last step went against: the gradient that is to
  /// vanish.
  double residual = 0;
  double inner_residual = 0;  ///< the same of the inner steps, the largest; 0 without any
};

/// One descent, step by step.
///
/// Method      as PenaltyMethod; a constraint c(x, y) ≤ 0 makes of each inner problem a saddle point, whose
///             multipliers follow by μ ← max(0, μ + c) between its steps (primal–dual gradient), and of
///             ∇_x g(x, ·) the gradient of the value function, ∇_x g + Σ μ_k ∇_x c_k.
///             Step t has draws t(K + 1) … t(K + 1) + K: one an inner step, that f and g share, and one for
///             the step of x.
/// In/out      x and y move in place; y_g is the descent's own, from y's start.
/// Shapes      as BilevelProblem.
/// Ownership   keeps a reference to the problem, and x and y.
/// Collective  step() as the problem's functions; all ranks hold the same.
/// Throws      step(): AgreedError(numerical) naming the step if f, g or the residual is not finite; x and y
///             are then as the last finite gradient left them.
/// Cost        partial gradients a step: pbgd_free 2K + 1, f2sa 3K + 3, v_pbgd and bome K + 5, alright 4.
///             Beside x and y: y_g, of d_y, but for pbgd_free and alright. Adam's moments double each.
/// Test        tests/src/methods/test_penalty_descent.cpp (closed forms), test_bilevel_counts.cpp
class PenaltyDescent {
 public:
  /// Throws AgreedError(usage) for invalid options, or a constraint for a method that knows none.
  PenaltyDescent(const BilevelProblem& problem, const PenaltyOptions& options, at::Tensor x, at::Tensor y);

  PenaltyStep step();
  [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }
  [[nodiscard]] const PartialCount& count() const noexcept { return count_; }
  [[nodiscard]] const PenaltyStep& last() const noexcept { return last_; }  ///< all zero before the first
  [[nodiscard]] const at::Tensor& x() const noexcept { return x_; }
  [[nodiscard]] const at::Tensor& y() const noexcept { return penalised_.y; }
  /// y_g; undefined where the method has none.
  [[nodiscard]] const at::Tensor& value_y() const noexcept { return value_.y; }
  /// Multipliers of min_y f/γ + g and of min_y g; undefined without a constraint.
  [[nodiscard]] const at::Tensor& multipliers() const noexcept { return penalised_.multipliers; }
  [[nodiscard]] const at::Tensor& value_multipliers() const noexcept { return value_.multipliers; }

  /// All but x and y, which are the caller's to keep.
  void save(Section& section) const;
  void resume(const Section& section);

 private:
  /// The iterate of a lower-level problem.
  struct Lower {
    at::Tensor y;
    at::Tensor multipliers;  ///< [r] float64; undefined without a constraint
    std::optional<Descent> descent;
  };
  PenaltyStep step_free();
  PenaltyStep step_f2sa();
  PenaltyStep step_v_pbgd();
  PenaltyStep step_bome();
  PenaltyStep step_alright();
  /// K steps of y_g, or of y.
  void follow_value();
  void follow_penalised();
  void move_lower(Lower& iterate, at::Tensor& gradient);
  PenaltyStep move_x(double f, double g, const at::Tensor& gradient);
  PenaltyStep move_both(double f, double g, const at::Tensor& of_x, const at::Tensor& of_y);
  Partials upper(const at::Tensor& y, Partial which, int inner);
  Partials lower(const at::Tensor& y, Partial which, int inner);
  void check(double norm, const char* of_what) const;
  [[nodiscard]] std::int64_t draw(int inner) const noexcept { return steps_ * (options_.inner + 1) + inner; }

  const BilevelProblem& problem_;
  PenaltyOptions options_;
  at::Tensor x_;
  Descent descent_x_;
  Lower penalised_;  ///< y, of f/γ + g; where x and y move at once its descent is that of y
  Lower value_;      ///< y_g, of g
  std::int64_t steps_ = 0;
  double inner_residual_ = 0;  ///< of the present step
  PenaltyStep last_;
  PartialCount count_;
};

enum class PenaltyStatus {
  converged,   ///< both residuals are within the tolerance
  step_limit,  ///< T steps are taken
  not_finite   ///< x and y are as the last finite gradient left them
};
[[nodiscard]] const char* to_string(PenaltyStatus status) noexcept;

struct PenaltySummary {
  PenaltyStatus status = PenaltyStatus::step_limit;
  PenaltyStep last;     ///< all zero where none was taken
  PartialCount count;   ///< of all sessions
  std::string message;  ///< one sentence
};

/// A whole descent: steps until the residuals vanish, or T are taken.
///
/// In/out      x and y move in place.
/// Resume      with `checkpoints` it can be left between two steps: part "penalty", x and y being the
///             caller's to keep; one that was left goes on from where it was.
/// Collective  as the problem's functions, and on checkpoints->comm().
/// Throws      AgreedError(usage) as PenaltyDescent; what the problem throws but for numerical.
/// Test        tests/src/methods/test_penalty_descent.cpp, test_gpt2_bilevel.cpp (1, 2, 4 ranks)
PenaltySummary descend(const BilevelProblem& problem, const PenaltyOptions& options, const at::Tensor& x,
                       const at::Tensor& y, const std::function<void(const PenaltyStep&)>& on_step = {},
                       Checkpoints* checkpoints = nullptr);

}  // namespace lift
