// On problems whose W*(λ) is known: the hypergradient is the slope of L_v(W*(λ)), and the linear program of
// the adjoint row goes down it.
#include <gtest/gtest.h>

#include <cmath>

#include "solvers/box_lp.hpp"
#include "solvers/exact_stationarity.hpp"
#include "tests/solvers/convex_problems.hpp"

namespace lift {
namespace {

template <typename Problem>
class Hypergradient : public testing::Test {
 protected:
  [[nodiscard]] double slope(int i) const {
    constexpr double kStep = 1e-4;
    auto up = lambda_, down = lambda_;
    up[i] += kStep;
    down[i] -= kStep;
    const auto loss = [this](const auto& lambda) {
      return problem_.validation_loss(problem_.optimum(lambda));
    };
    return (loss(up) - loss(down)) / (2 * kStep);
  }
  [[nodiscard]] test::Solution adjoint() const {
    auto options = test::with_mu(0);
    options.tol = 1e-12;
    return test::adjoint(problem_.instance(lambda_), options, world_);
  }

  const Problem problem_;
  const std::vector<double> lambda_{0.4, 1.1};
  const Communicator world_ = Communicator::world();
};

using Problems = testing::Types<test::Ridge, test::Logistic>;
TYPED_TEST_SUITE(Hypergradient, Problems);

TYPED_TEST(Hypergradient, IsTheSlopeOfTheValidationLossAtTheOptimum) {
  const auto found = this->adjoint();
  EXPECT_EQ(found.summary.status, StationarityStatus::solved) << found.summary.message;
  for (int i = 0; i < 2; ++i) {
    const double slope = this->slope(i);
    EXPECT_GT(std::fabs(slope), 1e-3) << "or its sign says little";
    EXPECT_NEAR(found.summary.gamma[i], slope, 1e-6 * std::fabs(slope));
  }
}

TYPED_TEST(Hypergradient, TheProgramOfTheAdjointRowGoesDownIt) {
  const auto instance = this->problem_.instance(this->lambda_);
  const auto gamma = this->adjoint().summary.gamma;
  std::vector<double> row{-gamma[0], -gamma[1]}, cost{0, 0}, bounds{1, 1};
  for (const double g : instance.g) {
    row.push_back(g);
    cost.push_back(g);
    bounds.push_back(10);
  }
  ProbeMatrix a(std::ssize(row), 1, this->world_);
  a.insert(this->world_.is_root() ? 0 : -1,
           this->world_.is_root() ? std::span<const double>(row) : std::span<const double>());
  const int rank = this->world_.rank();
  const auto begin = static_cast<std::size_t>(a.layout().begin(rank));
  const auto size = static_cast<std::size_t>(a.layout().size(rank));
  std::vector<double> d(size);
  const auto summary =
      solve_box_lp({a, std::span(cost).subspan(begin, size), std::span(bounds).subspan(begin, size)}, {}, d);
  EXPECT_EQ(summary.status, LpStatus::optimal) << summary.message;
  // gᵀdW = γᵀdλ on the row, so that the program's value is −‖γ‖₁.
  EXPECT_NEAR(summary.certificate.objective, -std::fabs(gamma[0]) - std::fabs(gamma[1]), 1e-7);
  for (std::size_t k = 0; k < size; ++k) {
    if (begin + k >= gamma.size()) break;
    EXPECT_NEAR(d[k], gamma[begin + k] > 0 ? -1 : 1, 1e-6);
  }
}

}  // namespace
}  // namespace lift
