#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/direction.hpp"
#include "src/search/probes.hpp"
#include "src/training/vectors.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {

/// Directions of a tiny model, and dense oracles of the implicit ones.
class DirectionTest : public ::testing::Test {
 protected:
  SearchState state(Tiny& tiny, const Communicator& comm) {
    return {tiny.objective, tiny.regularizer, tiny.train, tiny.valid,    tiny.lambda,
            comm,           timers_,          nullptr,    tiny.w() * 0.5};
  }
  static SearchOptions with(DirectionKind kind) {
    SearchOptions options;
    options.direction = kind;
    options.probes = 4;
    options.batches = 0;
    options.hvp_batches = 2;
    options.batch = 3;
    return options;
  }
  Direction find(Tiny& tiny, const SearchOptions& options) {
    return find_direction(state(tiny, world_), options, 0, {});
  }
  at::Tensor gradient(const Tiny& tiny) const {
    auto g = mean_gradient(tiny.objective, tiny.valid, first_sequences(tiny.valid.size()), self_).gradient;
    mask(g, key_biases(tiny.tuned.layout()));
    return g;
  }
  /// One MLP in two regularisation groups: n = 280, p = 2.
  struct Small : Tiny {
    Small() : Tiny(at::kDouble, {.blocks = {2}, .mlp_only = {2}, .regularizers = {{2, 2}}}) {
      lambda = {0.02, 0.3};
    }
  };
  /// H22, or what options.products has in its place, column by column.
  [[nodiscard]] at::Tensor dense_curvature(const Small& tiny, const SearchOptions& options) const {
    const std::int64_t n = tiny.tuned.n(), count = std::int64_t{options.hvp_batches} * options.batch;
    const auto sequences = sample_sequences(options.seed, 0, Sample::hessian, tiny.train.size(), count);
    const bool exact = options.products.kind == ProductKind::exact;
    const auto identity = at::eye(n, at::kDouble);
    auto h = at::zeros({n, n}, at::kDouble), diagonal = at::zeros({n}, at::kDouble);
    for (std::int64_t j = world_.rank(); j < n; j += world_.size()) {
      const auto v = identity[j];
      auto column = h[j];
      exact ? tiny.objective.add_hessian_vectors(tiny.train, sequences, {&v, 1}, {&column, 1})
            : tiny.objective.add_gauss_newton_vectors(tiny.train, sequences, {&v, 1}, {&column, 1});
    }
    sum_over_ranks(h, world_);
    tiny.regularizer.add_hessian_vector(tiny.lambda, at::ones({n}, at::kDouble), diagonal);
    h.div_(static_cast<double>(count)).diagonal().add_(diagonal);
    return h;
  }
  /// Compares the adjoint program, without a trust region, and the exact direction with dense solves of
  /// (h + μ)q = g, γ = −H12 q and (h + μ)dW = −H21 dλ, at the μ that was used.
  void expect_dense(Small& tiny, SearchOptions options, const at::Tensor& h) {
    options.solve_tol = 1e-9;
    options.max_products = 2000;
    options.direction = DirectionKind::exact;
    const auto exact = find(tiny, options);
    options.direction = DirectionKind::lp;
    options.probe_kind = ProbeKind::adjoint;
    options.trust_region = TrustRegion::none;
    const auto adjoint = find(tiny, options);
    EXPECT_LE(exact.implicit->certificate, 1e-6) << exact.implicit->message;
    EXPECT_EQ(adjoint.implicit->status, "solved") << adjoint.implicit->message;
    EXPECT_EQ(adjoint.implicit->mu, exact.implicit->mu);
    const auto damped = h + exact.implicit->mu * at::eye(tiny.tuned.n(), at::kDouble);
    auto gamma = tiny.regularizer.cross(tiny.w(), at::linalg_solve(damped, gradient(tiny)));
    std::vector<double> moved = exact.lambda;
    for (std::size_t i = 0; i < gamma.size(); ++i) {
      gamma[i] *= -tiny.lambda[i];
      moved[i] *= -tiny.lambda[i];
    }
    for (std::size_t i = 0; i < gamma.size(); ++i) {
      for (const auto* found : {&exact, &adjoint}) {
        EXPECT_NEAR(found->implicit->gamma[i], gamma[i], 1e-7 * length(gamma)) << i;
        EXPECT_EQ(found->lambda[i], std::copysign(std::log(4.0), -gamma[i])) << i;
      }
    }
    auto minus_h21 = at::zeros_like(tiny.w());
    tiny.regularizer.add_cross(moved, tiny.w(), minus_h21);
    EXPECT_LT(relative_distance(exact.w, at::linalg_solve(damped, minus_h21)), 1e-6);
  }
  static double length(const std::vector<double>& x) {
    return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
  }

  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
  PhaseTimers timers_;
};

}  // namespace lift
