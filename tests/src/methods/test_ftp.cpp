#include "src/methods/ftp.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "mpi/error.hpp"
#include "src/methods/trainable_projection.hpp"
#include "tests/src/methods/toys.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

class FastProjectionTest : public ::testing::Test {
 protected:
  FastProjection projection(const FtpOptions& options) const {
    return {RadialProjection(tensors_, options.norm, options.excluded), start_, options, world_};
  }
  Communicator world_ = Communicator::world();
  std::vector<TunedTensor> tensors_ = tensors_of({{"wpe.weight", {2, 2}}});
  at::Tensor start_ = vector({1, 1, 1, 1});
};

TEST_F(FastProjectionTest, FirstStepLeavesTheStartWhereItIs) {
  auto ftp = projection({});
  at::Tensor theta = start_ + vector({3, -1, 2, 2});
  const auto stepped = theta.clone();
  ftp.after_step(theta);
  EXPECT_EQ(ftp.radii()[0], 1e-8);
  EXPECT_LT((theta - start_).abs().max().item().toDouble(), 1e-8);
  EXPECT_FALSE(theta.equal(start_)) << "so little that its direction is still there";
  EXPECT_TRUE(ftp.before().equal(stepped));
  EXPECT_TRUE(ftp.radius_gradient().empty());
}

// Rows of norms 4 and 4, then 5 and 1: three steps of the authors' rule in plain numbers.
TEST_F(FastProjectionTest, FollowsTheRuleByHand) {
  const double rate = 0.1, k = 0.5;
  auto ftp = projection({.rate = rate, .shrink = k});
  at::Tensor theta = start_ + vector({3, -1, 2, 2});
  ftp.after_step(theta);

  ftp.see_gradient(vector({-1, 2, -3, 1}));  // −5 and −4 along the rows
  const double first = (-5.0 - 4.0) / (4 + 1e-8);
  EXPECT_NEAR(ftp.radius_gradient()[0], first, 1e-12);
  theta = start_ + vector({4, 1, 0.5, 0.5});
  ftp.after_step(theta);
  double m = 0.1 * first, v = 0.001 * first * first;
  const double second = 1e-8 - rate * (m / (1 - 0.81)) / (std::sqrt(v / (1 - 0.999 * 0.999)) + 1e-8);
  EXPECT_NEAR(ftp.radii()[0], second, 1e-12) << "the bias correction goes by the second step";
  ASSERT_LT(second, 1) << "both rows are active";
  const double f0 = second / (5 + 1e-8), f1 = second / (1 + 1e-8);
  EXPECT_LT(relative_distance(theta, start_ + vector({4 * f0, f0, 0.5 * f1, 0.5 * f1})), 1e-12);

  ftp.see_gradient(vector({1, 1, 1, 1}));
  const double third = 5 / (5 + 1e-8) + 1 / (1 + 1e-8);
  EXPECT_NEAR(ftp.radius_gradient()[0], third, 1e-12) << "told before it is scaled";
  theta = start_ + vector({4, 1, 0.5, 0.5});
  ftp.after_step(theta);
  m = 0.9 * m + 0.1 * k * third;
  v = 0.999 * v + 0.001 * k * third * k * third;
  const double corrected_m = m / (1 - std::pow(0.9, 3)), corrected_v = v / (1 - std::pow(0.999, 3));
  EXPECT_NEAR(ftp.radii()[0], second - rate * corrected_m / (std::sqrt(corrected_v) + 1e-8), 1e-12);
}

TEST_F(FastProjectionTest, RadiiStayWithinWhatTheirTensorMoved) {
  auto ftp = projection({.rate = 100});
  at::Tensor theta = start_ + vector({3, -1, 2, 2});
  ftp.after_step(theta);
  ftp.see_gradient(vector({-1, 2, -3, 1}));
  theta = start_ + vector({4, 1, 0.5, 0.5});
  ftp.after_step(theta);
  EXPECT_EQ(ftp.radii()[0], 5);
  const auto moved = theta - start_ - vector({4, 1, 0.5, 0.5});
  EXPECT_LT(moved.abs().max().item().toDouble(), 1e-7);
}

TEST_F(FastProjectionTest, AuthorsRowsAddThoseThatWereKept) {
  auto authors = projection({.rate = 2, .rows = RadiusRows::all});
  auto ours = projection({.rate = 2});
  for (FastProjection* ftp : {&authors, &ours}) {
    at::Tensor theta = start_ + vector({3, -1, 2, 2});
    ftp->after_step(theta);
    ftp->see_gradient(vector({-1, 2, -3, 1}));
    theta = start_ + vector({4, 1, 0.5, 0.5});
    ftp->after_step(theta);
    ASSERT_GT(ftp->radii()[0], 1.1) << "the second row, of norm 1, is kept";
    ASSERT_LT(ftp->radii()[0], 5) << "the first is not";
    ftp->see_gradient(vector({1, 1, 1, 1}));
  }
  EXPECT_NEAR(ours.radius_gradient()[0], 1, 1e-7);
  EXPECT_NEAR(authors.radius_gradient()[0], 2, 1e-7);
}

TEST(FtpOptions, InvalidOnesAreNamed) {
  EXPECT_EQ(FtpOptions{}.violation(), "");
  EXPECT_THAT((FtpOptions{.rate = -1}).violation(), HasSubstr("rate = -1"));
  EXPECT_THAT((FtpOptions{.shrink = 2}).violation(), HasSubstr("shrink = 2"));
}

class FtpTraining : public ::testing::Test {
 protected:
  WarmupOptions training_{.epochs = 3, .rate = 1e-2, .batch = 5};  // 9 steps
  FtpOptions options_{.rate = 2e-2};
  std::unique_ptr<FastProjection> train(Finetuned& tiny) {
    auto projection = ftp_projection(tiny.state, options_);
    train_projected(tiny.state, training_, *projection);
    return projection;
  }
  Communicator world_ = Communicator::world();
  Communicator self_ = Communicator::self();
};

// On a frozen batch FTP's derivative is that of TPGM, which is the central difference of the loss.
TEST_F(FtpTraining, DerivativeIsThatOfTpgmOnTheSameBatch) {
  Finetuned tiny(world_);
  const auto tensors = tiny.tuned.layout().tensors();
  const RadialProjection mars(tensors, RadialNorm::mars);
  const auto batch = first_sequences(tiny.train.size());
  const auto loss_at = [&](const at::Tensor&, std::int64_t) {
    return mean_gradient(tiny.objective, tiny.train, batch, world_);
  };
  FastProjection ftp(mars, tiny.pretrained, options_, world_);
  at::Tensor w = tiny.w();
  for (std::uint64_t step = 0; step < 4; ++step) {
    ftp.see_gradient(loss_at(w, 0).gradient);
    w.add_(normals(w.numel(), 20 + step).mul_(0.03));
    ftp.after_step(w);
  }
  const auto at_projection = loss_at(w, 0);
  ftp.see_gradient(at_projection.gradient);
  const auto theta = ftp.before();
  const auto norms = mars.norms(theta, tiny.pretrained);
  const auto of_tpgm =
      mars.radius_gradient(mars.products(at_projection.gradient, theta, tiny.pretrained), norms, ftp.radii());
  int compared = 0;
  double scale = 0;
  for (const double slope : of_tpgm) scale = std::max(scale, std::abs(slope));
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    EXPECT_NEAR(ftp.radius_gradient()[k], of_tpgm[k], 1e-12 * scale) << tensors[k].name;
    if (ftp.radii()[k] < 0.01) continue;  // clipped at the least radius, where a difference is all rounding
    ++compared;
    const double h = 1e-3 * ftp.radii()[k];
    double at_end[2];
    for (const int end : {0, 1}) {
      auto radii = ftp.radii();
      radii[k] += end == 0 ? -h : h;
      mars.project(w, theta, tiny.pretrained, norms, radii);
      at_end[end] = loss_at(w, 0).loss;
    }
    EXPECT_NEAR(of_tpgm[k], (at_end[1] - at_end[0]) / (2 * h), 1e-5 * scale) << tensors[k].name;
  }
  EXPECT_GE(compared, 3);
}

TEST_F(FtpTraining, MakesNoGradientsOfItsOwn) {
  Finetuned tiny(self_);
  const auto projection = train(tiny);
  EXPECT_EQ(tiny.objective.work().gradient_sequences, 3 * tiny.train.size());
  EXPECT_EQ(tiny.objective.work().loss_sequences, tiny.valid.size()) << "the end is evaluated";
  for (const TensorRadius& tensor : projection->report(tiny.tuned.layout().tensors())) {
    EXPECT_EQ(tensor.status, RadiusStatus::learned);
    EXPECT_LE(tensor.radius, tensor.distance);
  }
  EXPECT_GT((tiny.w() - tiny.pretrained).norm().item().toDouble(), 0);
}

TEST_F(FtpTraining, WithEveryTensorExcludedIsTheWarmUp) {
  Finetuned tiny(world_);
  Tiny warm;
  options_.excluded = tiny.tuned.layout().names();
  train(tiny);
  warm_up(warm.objective, warm.regularizer, warm.lambda, warm.train, warm.valid, {}, training_, {}, world_);
  EXPECT_TRUE(tiny.w().equal(warm.w()));
}

TEST_F(FtpTraining, AnyNumberOfRanksTrainsTheSame) {
  for (const auto norm : {RadialNorm::l2, RadialNorm::mars}) {
    options_.norm = norm;
    Finetuned together(world_), alone(self_);
    train(together);
    train(alone);
    EXPECT_LT(relative_distance(together.w(), alone.w()), 1e-10);
    EXPECT_TRUE(same_on_all_ranks(together.w(), world_));
  }
}

TEST_F(FtpTraining, WhatItNeedsIsNamed) {
  Finetuned tiny(world_);
  EXPECT_THROW((void)ftp_projection(tiny.state, {.rate = 0}), AgreedError);
  tiny.state.pretrained = at::Tensor();
  EXPECT_THROW((void)ftp_projection(tiny.state, options_), AgreedError);
}

}  // namespace
}  // namespace lift
