#include "solvers/bilevel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "tests/solvers/convex_problems.hpp"

namespace lift {
namespace {

using testing::HasSubstr;

/// V(λ) = L_v(W*(λ)) with its hypergradient, over θ = log λ.
template <typename Problem>
class BilevelOfKnownOptimum : public testing::Test {
 protected:
  static std::vector<double> lambda_of(std::span<const double> theta) {
    std::vector<double> lambda;
    for (const double t : theta) lambda.push_back(std::exp(t));
    return lambda;
  }
  [[nodiscard]] double value(std::span<const double> theta) const {
    return problem_.validation_loss(problem_.optimum(lambda_of(theta)));
  }
  [[nodiscard]] BilevelObjective objective() const {
    return [this](std::span<const double> theta, std::span<double> gradient) {
      const auto lambda = lambda_of(theta);
      auto options = test::with_mu(0);
      options.tol = 1e-12;
      const auto gamma = test::adjoint(problem_.instance(lambda), options, world_).summary.gamma;
      for (std::size_t i = 0; i < gamma.size(); ++i) gradient[i] = lambda[i] * gamma[i];
      return value(theta);
    };
  }
  const Problem problem_;
  const std::vector<double> start_{std::log(0.4), std::log(1.1)}, lower_{-5, -5}, upper_{5, 5};
  const Communicator world_ = Communicator::world();
};

using Problems = testing::Types<test::Ridge, test::Logistic>;
TYPED_TEST_SUITE(BilevelOfKnownOptimum, Problems);

TYPED_TEST(BilevelOfKnownOptimum, FindsWhatASearchOfAllWeightsFinds) {
  const auto objective = this->objective();
  const auto found = minimise_bilevel({objective, this->start_, this->lower_, this->upper_}, this->world_,
                                      {.tol = 1e-7, .max_evaluations = 100});
  EXPECT_EQ(found.status, BilevelStatus::converged) << found.message;
  EXPECT_NEAR(this->value(found.theta), found.value, 1e-12);
  double least = found.path.front().value;
  std::vector<double> where = this->start_;
  for (int i = 0; i <= 40; ++i) {
    for (int j = 0; j <= 40; ++j) {
      const std::vector<double> theta{-5 + 0.25 * i, -5 + 0.25 * j};
      if (const double v = this->value(theta); v < least) least = v, where = theta;
    }
  }
  EXPECT_LE(found.value, least + 1e-9) << "at " << where[0] << ", " << where[1];
  EXPECT_LT(found.value, found.path.front().value);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(found.theta[i], where[i], 0.3);
}

class Bilevel : public testing::Test {
 protected:
  /// ½ Σ c_i (θ_i − m_i)² + 1.
  static double bowl(std::span<const double> theta, std::span<double> gradient) {
    double v = 1;
    for (std::size_t i = 0; i < theta.size(); ++i) {
      const double c = 1.0 + 9.0 * static_cast<double>(i), away = theta[i] - (2.0 - static_cast<double>(i));
      v += 0.5 * c * away * away;
      gradient[i] = c * away;
    }
    return v;
  }
  BilevelSummary minimise(const BilevelObjective& objective, const BilevelOptions& options = {}) {
    return minimise_bilevel({objective, start_, lower_, upper_}, world_, options);
  }
  std::vector<double> start_{-1, 0.5, 9}, lower_{-3, -3, 0.5}, upper_{1, 3, 3};
  const Communicator world_ = Communicator::world();
};

TEST_F(Bilevel, KeepsToTheBounds) {
  const auto found = minimise(bowl, {.tol = 1e-8});
  EXPECT_EQ(found.status, BilevelStatus::converged) << found.message;
  ASSERT_EQ(found.theta.size(), 3U);
  EXPECT_EQ(found.theta[0], 1) << "its own minimum, 2, is beyond";
  EXPECT_NEAR(found.theta[1], 1, 1e-8);
  EXPECT_EQ(found.theta[2], 0.5);
  EXPECT_LE(found.projected_gradient, 1e-8 * found.value);
  EXPECT_NEAR(found.gradient[0], -1, 1e-12) << "held by its bound";
  for (const auto& point : found.path) {
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_GE(point.theta[i], lower_[i]);
      EXPECT_LE(point.theta[i], upper_[i]);
    }
  }
}

TEST_F(Bilevel, ALimitIsKept) {
  for (const int limit : {1, 2, 3}) {
    int evaluations = 0;
    const auto counted = [&](std::span<const double> theta, std::span<double> gradient) {
      ++evaluations;
      return bowl(theta, gradient);
    };
    const auto found = minimise(counted, {.tol = 1e-12, .max_evaluations = limit});
    EXPECT_EQ(found.status, BilevelStatus::evaluation_limit);
    EXPECT_EQ(evaluations, limit);
    EXPECT_EQ(found.path.size(), static_cast<std::size_t>(limit));
    EXPECT_THAT(found.message, HasSubstr("stopped (evaluation_limit)"));
  }
}

TEST_F(Bilevel, AGradientOfTheWrongSignIsNoDescent) {
  const auto wrong = [](std::span<const double> theta, std::span<double> gradient) {
    const double v = bowl(theta, gradient);
    for (double& g : gradient) g = -g;
    return v;
  };
  const auto found = minimise(wrong);
  EXPECT_FALSE(answered(found.status)) << found.message;
}

TEST_F(Bilevel, NumbersThatAreNotFiniteEndIt) {
  const auto nothing = [](std::span<const double>, std::span<double>) { return std::nan(""); };
  const auto failing = minimise(nothing);
  EXPECT_EQ(failing.status, BilevelStatus::not_finite);
  EXPECT_EQ(failing.path.size(), 1U);
  const auto half = [](std::span<const double> theta, std::span<double> gradient) {
    const double v = bowl(theta, gradient);
    gradient[1] = std::nan("");
    return v;
  };
  EXPECT_EQ(minimise(half).status, BilevelStatus::not_finite);
}

TEST_F(Bilevel, ATrialThatIsNotFiniteIsPassedBy) {
  int evaluations = 0;
  const auto cliff = [&](std::span<const double> theta, std::span<double> gradient) {
    const double v = bowl(theta, gradient);
    return ++evaluations == 2 ? std::nan("") : v;
  };
  const auto found = minimise(cliff, {.tol = 1e-8});
  EXPECT_EQ(found.status, BilevelStatus::converged) << found.message;
  EXPECT_NEAR(found.theta[1], 1, 1e-7);
  EXPECT_TRUE(std::isnan(found.path[1].value));
}

/// A deep narrow hole beside a wide valley: what is returned is the least V met, and stationary if it says
/// so.
TEST_F(Bilevel, ReturnsTheLeastOfManyMinima) {
  const auto waves = [](std::span<const double> theta, std::span<double> gradient) {
    double v = 0;
    for (std::size_t i = 0; i < theta.size(); ++i) {
      v += 0.1 * theta[i] * theta[i] - std::cos(5 * theta[i]);
      gradient[i] = 0.2 * theta[i] + 5 * std::sin(5 * theta[i]);
    }
    return v;
  };
  const auto found = minimise(waves, {.tol = 1e-6, .max_evaluations = 200});
  EXPECT_EQ(found.status, BilevelStatus::converged) << found.message;
  for (const auto& point : found.path) EXPECT_GE(point.value, found.value);
  std::vector<double> gradient(3);
  EXPECT_EQ(waves(found.theta, gradient), found.value);
  EXPECT_EQ(found.gradient, gradient);
}

TEST_F(Bilevel, TheFirstStepChangesNoWeightByMoreThanAFactorOfFour) {
  start_ = {-1, 0.5, 1};
  const auto found = minimise(bowl);
  double squares = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double step = found.path[1].theta[i] - found.path[0].theta[i];
    squares += step * step;
  }
  EXPECT_LE(std::sqrt(squares), std::log(4) * (1 + 1e-9));
  EXPECT_GT(squares, 0);
}

TEST_F(Bilevel, ANegativeValueAtTheLimitIsKept) {
  const auto below = [](std::span<const double> theta, std::span<double> gradient) {
    return bowl(theta, gradient) - 1000;
  };
  const auto found = minimise(below, {.tol = 1e-12, .max_evaluations = 3});
  EXPECT_EQ(found.status, BilevelStatus::evaluation_limit);
  EXPECT_LT(found.value, 0);
  lower_ = upper_ = start_ = {0, 1, 2};
  EXPECT_EQ(minimise(below).status, BilevelStatus::converged) << "nothing may move";
}

TEST_F(Bilevel, WhatTheObjectiveThrowsComesThroughOnEveryRank) {
  for (const int last : {1, 2, 4}) {
    int evaluations = 0;
    const auto throws = [&](std::span<const double> theta, std::span<double> gradient) {
      if (++evaluations == last) throw AgreedError(ExitCode::numerical, "an evaluation went wrong");
      return bowl(theta, gradient);
    };
    EXPECT_THROW(minimise(throws, {.tol = 1e-12}), AgreedError);
    EXPECT_EQ(evaluations, last);
  }
  EXPECT_EQ(minimise(bowl).status, BilevelStatus::converged);
}

TEST_F(Bilevel, NoWeightIsOneEvaluation) {
  start_ = lower_ = upper_ = {};
  const auto found = minimise(bowl);
  EXPECT_EQ(found.status, BilevelStatus::converged);
  EXPECT_EQ(found.path.size(), 1U);
  EXPECT_EQ(found.value, 1);
}

TEST_F(Bilevel, RefusesWhatIsNoProblem) {
  EXPECT_THROW(minimise(bowl, {.tol = 0}), AgreedError);
  EXPECT_THROW(minimise(bowl, {.max_evaluations = 0}), AgreedError);
  lower_[1] = 4;
  EXPECT_THROW(minimise(bowl), AgreedError);
  lower_.pop_back();
  EXPECT_THROW(minimise(bowl), AgreedError);
}

}  // namespace
}  // namespace lift
