#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "solvers/exact_stationarity.hpp"
#include "src/search/cross_shard.hpp"
#include "src/search/curvature.hpp"
#include "src/search/round.hpp"

namespace lift {

/// Second derivatives of the regularised training loss F at a round's (λ, W0), as the solvers take them:
/// shards over the n coordinates of W, key biases masked.
///
/// Ownership   keeps a reference to `round`; neither copied nor moved: its operators refer to it.
/// Collective  the products of h22() and h22_block() on round.state.comm.
/// Throws      the products AgreedError(numerical) where one is not finite.
/// Test        tests/src/search/test_implicit_direction.cpp, test_curvature_report.cpp
class RoundOperators {
 public:
  /// `training_gradient`: ∇L_t on the round's HVP sequences, which forward differences alone read.
  /// `on_product` is called after each block of products with how many there were; may be empty.
  RoundOperators(const Round& round, at::Tensor training_gradient,
                 std::function<void(std::int64_t)> on_product = {});
  RoundOperators(const RoundOperators&) = delete;
  RoundOperators& operator=(const RoundOperators&) = delete;

  [[nodiscard]] const SymmetricOperator& h22() const noexcept { return h22_; }
  [[nodiscard]] const BlockOperator& h22_block() const noexcept { return block_; }
  [[nodiscard]] const CrossShard& cross() const noexcept { return cross_; }
  [[nodiscard]] const ShardMap& layout() const noexcept { return layout_; }
  [[nodiscard]] std::int64_t products() const noexcept { return products_; }
  /// Equation (6) with this curvature; refers to this, to g [n shard] and to s [p].
  [[nodiscard]] StationarityProblem problem(std::span<const double> g, std::span<const double> s) const;
  /// The whole vector of a shard. Collective.
  [[nodiscard]] at::Tensor whole(std::span<const double> shard) const;

 private:
  const Round& round_;
  ShardMap layout_;
  LocalCurvature curvature_;
  BlockOperator block_;  ///< counted
  SymmetricOperator h22_;
  CrossShard cross_;
  std::int64_t products_ = 0;
};

}  // namespace lift
