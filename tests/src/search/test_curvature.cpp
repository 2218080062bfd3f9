#include "src/search/curvature.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "src/objective/distributed.hpp"
#include "src/search/sharded.hpp"
#include "src/training/vectors.hpp"
#include "tests/src/training/tiny.hpp"

namespace lift {
namespace {

class CurvatureTest : public ::testing::Test {
 protected:
  SearchState state(Tiny& tiny) {
    return {tiny.objective, tiny.regularizer, tiny.train, tiny.valid, tiny.lambda, world_, timers_};
  }
  static SearchOptions with(ProductKind kind, double step = 0) {
    SearchOptions options;
    options.hvp_batches = 2;
    options.batch = 3;
    options.products = {kind, step};
    return options;
  }
  static at::Tensor unit(const Tiny& tiny, int i) {
    return masked_probe(3, 0, i, tiny.tuned.layout(), tiny.w().scalar_type(), at::kCPU).w;
  }
  /// The mean of ∇L_t at W that a round has.
  static at::Tensor gradient(const SearchState& s, const Round& round) {
    return mean_gradient(s.objective, s.train, round.hessian_sequences, Communicator::self()).gradient;
  }
  /// Products of two unit vectors, this rank's sum over all sequences of the round.
  std::vector<at::Tensor> products(Tiny& tiny, const SearchOptions& options) {
    const auto s = state(tiny);
    const Round round = choose_round(s, options, 0);
    LocalCurvature curvature(round, round.hessian_sequences, gradient(s, round));
    const std::vector<at::Tensor> v{unit(tiny, 0), unit(tiny, 1)};
    return curvature.products(v);
  }

  Communicator world_ = Communicator::world();
  PhaseTimers timers_;
};

TEST_F(CurvatureTest, DifferencesMeetTheExactProducts) {
  Tiny tiny;
  const auto before = tiny.w().clone();
  const auto exact = products(tiny, with(ProductKind::exact));
  const auto forward = products(tiny, with(ProductKind::forward));
  const auto central = products(tiny, with(ProductKind::central));
  for (std::size_t j = 0; j < 2; ++j) {
    EXPECT_LT(relative_distance(forward[j], exact[j]), 1e-5);
    EXPECT_LT(relative_distance(central[j], exact[j]), 1e-8);
    EXPECT_GT(relative_distance(forward[j], exact[j]), relative_distance(central[j], exact[j]));
  }
  EXPECT_TRUE(tiny.w().equal(before));
}

TEST_F(CurvatureTest, TheErrorOfAForwardDifferenceIsProportionalToItsStep) {
  Tiny tiny;
  const auto exact = products(tiny, with(ProductKind::exact));
  const double wide = relative_distance(products(tiny, with(ProductKind::forward, 1e-2))[0], exact[0]);
  const double narrow = relative_distance(products(tiny, with(ProductKind::forward, 1e-3))[0], exact[0]);
  EXPECT_NEAR(wide / narrow, 10.0, 2.0);
}

TEST_F(CurvatureTest, ForwardDifferencesShareTheGradientOfTheRound) {
  Tiny tiny;
  const auto count = [&](ProductKind kind) {
    const auto before = tiny.objective.work().gradient_sequences;
    products(tiny, with(kind));
    return tiny.objective.work().gradient_sequences - before;
  };
  EXPECT_EQ(count(ProductKind::forward), (1 + 2) * 6);  // the round's, and m, of six sequences
  EXPECT_EQ(count(ProductKind::central), (1 + 4) * 6);  // the same, and 2 m
}

TEST_F(CurvatureTest, TheGaussNewtonMatrixIsSymmetricAndPositiveSemidefinite) {
  Tiny tiny;
  const auto v0 = unit(tiny, 0), v1 = unit(tiny, 1);
  const auto g = products(tiny, with(ProductKind::gauss_newton));
  EXPECT_NEAR(dot64(v0, g[1]), dot64(v1, g[0]), 1e-10 * norm64(g[0]));
  EXPECT_GT(dot64(v0, g[0]), 0.0);
  const auto h = products(tiny, with(ProductKind::exact));
  EXPECT_GT(relative_distance(g[0], h[0]), 1e-3);  // it is not the Hessian
}

TEST_F(CurvatureTest, TheIdentityGivesTheProbesThemselves) {
  Tiny tiny;
  const auto before = tiny.objective.work();
  const auto i = products(tiny, with(ProductKind::identity));
  EXPECT_LT(relative_distance(i[0], 6.0 * unit(tiny, 0)), 1e-15) << "six sequences";
  EXPECT_LT(relative_distance(i[1], 6.0 * unit(tiny, 1)), 1e-15);
  EXPECT_EQ(tiny.objective.work().hvp_sequences, before.hvp_sequences) << "it costs nothing";
}

TEST_F(CurvatureTest, TheOperatorAddsTheRegulariserAndIsLinear) {
  Tiny tiny;
  tiny.lambda = {0.5, 0.2, 0.1};
  const auto options = with(ProductKind::forward);
  const auto s = state(tiny);
  const Round round = choose_round(s, options, 0);
  const ShardMap layout(tiny.tuned.n(), world_.size());
  LocalCurvature curvature(round, part_of_rank(round.hessian_sequences, world_), gradient(s, round));
  WholeProduct last;
  const auto h22 = hessian_operator(round, layout, curvature, last);
  const auto apply = [&](const at::Tensor& v) {
    const auto x = shard_of(v, layout, world_.rank());
    std::vector<double> y(x.size());
    h22(x, y);
    return whole_tensor(y, layout, v, world_);
  };
  const auto v = unit(tiny, 0);
  auto expected = mean_hessian_vector(tiny.objective, tiny.train, round.hessian_sequences, v, world_);
  tiny.regularizer.add_hessian_vector(tiny.lambda, v, expected);
  mask(expected, round.masked);
  EXPECT_LT(relative_distance(apply(v), expected), 1e-5);
  EXPECT_TRUE(last.vector.equal(v));
  EXPECT_LT(relative_distance(last.product, expected), 1e-5);
  EXPECT_LT(relative_distance(apply(7.0 * v), 7.0 * apply(v)), 1e-12);
  EXPECT_EQ(norm64(apply(at::zeros_like(v))), 0.0);
}

}  // namespace
}  // namespace lift
