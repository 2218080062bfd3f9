#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "src/methods/bilevel_problem.hpp"
#include "src/methods/descent_rule.hpp"

namespace lift {

struct FlatnessOptions {
  int pairs = 0;            ///< ≥ 0; 0: no report
  std::int64_t steps = 50;  ///< towards the lower level's answer, ≥ 1
  double alpha = 1.5;       ///< the largest that Theorem 3 of arXiv:2507.20400 allows, > 1
  double modulus = 0.5;     ///< c > 0
  DescentRule rule = DescentRule::gradient;
  double rate = 0.01;  ///< of the first step, > 0; falls to 0 linearly, for g may be a mean over batches
  /// "" when valid, else as "pairs = -1 violates pairs ≥ 0".
  [[nodiscard]] std::string violation() const;
};

struct FlatnessSummary {
  std::int64_t pairs = 0;  ///< measured; 0 where a number on the way was not finite
  std::int64_t steps = 0;
  double alpha = 0, modulus = 0;
  double delta = 0;           ///< δ, the least that all pairs allow, in units of f
  double slope = 0;           ///< the largest ‖∇_y f(x, ŷ_g)‖ over the pairs' draws
  double delta_of_slope = 0;  ///< the most that δ can be by the slope alone
  double distance = 0;        ///< ‖ŷ_g − y‖
  double residual = 0;        ///< of the last step: how far from an answer ŷ_g is
  std::string message = {};   ///< one sentence
};

/// How flat f is around the lower level's answer at (x, y), where a descent ended: δ of FlatnessMeter.
///
/// Method      ŷ_g is where `steps` inner steps on g(x, ·) from y lead: the answer nearest to the descent, to
///             the accuracy that residual tells, for a sum over a model's data has none in closed form. Pair
///             k of K is (ŷ_g, ŷ_g + 2^{k−K}(y − ŷ_g)), y itself being the last: what δ must allow is largest
///             at a distance (‖∇_y f‖/(cα))^{1/(α−1)} of any order, not at the largest. Steps and pairs have
///             the draws from `first_draw` on, one each. At this x alone; Theorem 3 asks for the mean of δ
///             over a descent's.
/// In/out      nothing moves: x and y may be views of the model's weights.
/// Collective  as the problem's functions.
/// Throws      AgreedError(usage) for invalid options or a problem with a constraint; what the problem throws
///             but for numerical.
/// Cost        a partial gradient of g a step, one and a value of f a pair; two vectors [d_y], and Adam's.
/// Test        tests/src/methods/test_flatness.cpp (by hand), test_method.cpp (1, 2, 4 ranks)
FlatnessSummary measure_flatness(
    const BilevelProblem& problem, const at::Tensor& x, const at::Tensor& y, const FlatnessOptions& options,
    std::int64_t first_draw,
    const std::function<void(std::int64_t done, std::int64_t total)>& on_progress = {});

}  // namespace lift
