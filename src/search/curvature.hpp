#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "solvers/krylov_basis.hpp"
#include "src/search/round.hpp"

namespace lift {

/// Vectors whose products share one forward and one first backward pass: a third less time at four than one
/// by one [measured, tests/bench/bench_hvp], for as many more vectors of length n.
inline constexpr int kProbesPerGraph = 4;

/// Products with the curvature of L_t at the present W, over one rank's part of a round's sequences, in the
/// way that options.products says.
///
/// Method      exact: Pearlmutter's double backward. Gauss–Newton: the same through the head alone
///             (Schraudolph 2002), positive semidefinite. forward, central: (∇L(W + εv) − ∇L(W))/ε with the
///             round's own gradient, or (∇L(W + εv) − ∇L(W − εv))/2ε; v must have length 1. identity: v,
///             times the sequences.
/// In/out      forward and central move W and put it back to the last bit.
/// Shapes      base: the mean of ∇L at W over all the round's sequences, [n], read by forward differences
///             only. It is taken off in this rank's proportion: the parts of the ranks sum up to products.
/// Limits      parts of forward differences are as large as ∇L/ε and cancel in the sum over ranks.
/// Ownership   keeps a reference to `round`.
/// Collective  never: local to the rank.
/// Throws      Error(numerical) if a loss is not finite.
/// Test        tests/src/search/test_curvature.cpp: all of them against the exact one and a dense Hessian
class LocalCurvature {
 public:
  LocalCurvature(const Round& round, std::span<const std::int64_t> sequences, at::Tensor base);
  /// products[j] = Σ over the sequences of ∇²L v_j, [n] each.
  [[nodiscard]] std::vector<at::Tensor> products(std::span<const at::Tensor> v);

 private:
  at::Tensor gradient_sum() const;
  void add_differences(std::span<const at::Tensor> v, std::span<at::Tensor> products);

  const Round& round_;
  std::span<const std::int64_t> sequences_;
  at::Tensor base_;
};

/// ε of a finite difference with ‖v‖ = 1: options.products.step, or where that is 0 what balances rounding
/// and truncation when W sets the scale of both: 0.4 √eps ‖W‖ forward, 0.3 ∛eps ‖W‖ central.
double difference_step(const SearchOptions& options, const at::Tensor& w);

/// A vector and its product, whole on every rank, [n].
struct WholeProduct {
  at::Tensor vector;
  at::Tensor product;
};

/// H22 v = ∇²L_t v + 2λv on the round's sequences as the solvers take it, several at once: shards over n
/// coordinates in, shards out, key biases masked; kProbesPerGraph of them share a graph.
///
/// Collective  the operator on round.state.comm.
/// Ownership   keeps references to all arguments.
/// Test        tests/src/search/test_curvature.cpp
BlockOperator hessian_block(const Round& round, const ShardMap& layout, LocalCurvature& curvature);

/// The same for one vector; `last` is where it leaves both, whole. Keeps a reference to it too.
SymmetricOperator hessian_operator(const Round& round, const ShardMap& layout, LocalCurvature& curvature,
                                   WholeProduct& last);

}  // namespace lift
