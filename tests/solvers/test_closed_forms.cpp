// The one-dimensional anchors of the paper's linear program by value: L_t = (W − a)²/2, L_v = (W − b)²/2, λ =
// 0.1, so that W0 = a/1.2, H21 = 2 W0 and H22 = 1.2. A1: a, b = 2, 1 and 1, 2. A2: the λ column is left out.
// A3: probes in (λ, W).
#include <gtest/gtest.h>

#include <cmath>

#include "mpi/collectives.hpp"
#include "solvers/ball_lp.hpp"
#include "solvers/bilevel.hpp"
#include "solvers/box_lp.hpp"
#include "tests/solvers/lp_catalogue.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

constexpr double kH22 = 1.2;

test::DenseLp program(int rows, std::vector<double> a, std::vector<double> g, std::vector<double> u) {
  const auto coordinates = std::ssize(g);
  return {"closed form", rows, coordinates, std::move(a), std::move(g), std::move(u), {}};
}

std::vector<double> whole(const test::DistributedLp& lp, std::span<const double> d) {
  const auto& a = lp.problem().a;
  std::vector<double> all(static_cast<std::size_t>(a.coordinates()));
  gather_shards(d, all, a.layout(), a.comm());
  return all;
}

class ClosedForm : public testing::TestWithParam<LpMethod> {
 protected:
  static BoxLpOptions options() {
    BoxLpOptions options;
    options.method = GetParam();
    options.least_coordinates = 0;
    return options;
  }
  void expect_box(const test::DenseLp& lp, const std::vector<double>& expected) {
    const test::DistributedLp dealt(lp, world_);
    std::vector<double> d(dealt.size());
    const auto summary = solve_box_lp(dealt.problem(), options(), d);
    EXPECT_EQ(summary.status, LpStatus::optimal) << summary.message;
    const auto all = whole(dealt, d);
    double objective = 0;
    for (std::size_t k = 0; k < expected.size(); ++k) {
      EXPECT_NEAR(all[k], expected[k], 1e-7) << k;
      objective += lp.g[k] * expected[k];
    }
    EXPECT_NEAR(summary.certificate.objective, objective, 1e-7);
  }
  const Communicator world_ = Communicator::world();
};

TEST_P(ClosedForm, A1InTheBox) {
  expect_box(program(1, {10.0 / 3, kH22}, {0, 2.0 / 3}, {1, 100}), {1, -25.0 / 9});
  expect_box(program(1, {5.0 / 3, kH22}, {0, -7.0 / 6}, {1, 100}), {-1, 25.0 / 18});
  expect_box(
      program(2, {10.0 / 3, 0, kH22, 0, 0, 5.0 / 3, 0, kH22}, {0, 0, 2.0 / 3, -7.0 / 6}, {1, 1, 100, 100}),
      {1, -1, -25.0 / 9, 25.0 / 18});
  // |dW| ≤ 1 binds before |dλ| ≤ 1 does: dλ = 1.2 · 3/10.
  expect_box(program(1, {10.0 / 3, kH22}, {0, 2.0 / 3}, {1, 1}), {0.36, -1});
}

TEST_P(ClosedForm, A2InTheBoxKeepsTheWeightWhereItIs) {
  for (const double scale : {1.0, -7.0, 1e-6}) {
    const test::DistributedLp lp(program(1, {0, scale * 0.7}, {0, 2.0 / 3}, {1, 1}), world_);
    std::vector<double> d(lp.size());
    const auto summary = solve_box_lp(lp.problem(), options(), d);
    EXPECT_EQ(summary.status, LpStatus::optimal);
    EXPECT_NEAR(whole(lp, d)[1], 0, 1e-8);
    EXPECT_NEAR(summary.certificate.objective, 0, 1e-8);
  }
}

TEST_P(ClosedForm, A3InTheBoxCollapses) {
  // Rows v_W a + 0, v_λ a + v_W h of two probes, and of four.
  const double a = 10.0 / 3;
  expect_box(program(2, {0.3 * a, 0.5 * a + 0.3 * kH22, -a, 2 * a - kH22}, {0, 2.0 / 3}, {1, 1}), {0, 0});
  std::vector<double> rows;
  for (const auto& [v_lambda, v_weight] : {std::pair{1.0, 0.0}, {0.6, 0.8}, {-0.8, 0.6}, {0.0, 1.0}})
    rows.insert(rows.end(), {v_weight * a, v_lambda * a + v_weight * kH22});
  expect_box(program(4, rows, {0, 2.0 / 3}, {1, 100}), {0, 0});
}

INSTANTIATE_TEST_SUITE_P(By, ClosedForm, testing::Values(LpMethod::mehrotra, LpMethod::preprocessing),
                         [](const auto& info) { return std::string(to_string(info.param)); });

/// The row leaves d = t (1, −H21/H22), and ‖(dλ/s, dW/ρ)‖ ≤ 1 leaves |t| ≤ 1/√(1/s² + (H21/H22)²/ρ²).
TEST(ClosedForms, A1InTheBall) {
  const auto world = Communicator::world();
  struct Block {
    double w0, g;
  };
  for (const auto& [w0, g] : {Block{5.0 / 3, 2.0 / 3}, Block{5.0 / 6, -7.0 / 6}}) {
    for (const auto& [s, rho] : {std::pair{1.0, 1.0}, {1.0, 100.0}, {0.3, 0.02}}) {
      const double slope = 2 * w0 / kH22;
      const double t = std::copysign(1 / std::hypot(1 / s, slope / rho), g);
      const test::DistributedLp lp(program(1, {2 * w0, kH22}, {0, g}, {s, rho}), world);
      std::vector<double> d(lp.size());
      const auto box = lp.problem();
      const auto summary = solve_ball_lp({box.a, box.g, box.u}, {}, d);
      EXPECT_EQ(summary.status, LpStatus::optimal) << summary.message;
      const auto all = whole(lp, d);
      EXPECT_NEAR(all[0], t, 1e-12);
      EXPECT_NEAR(all[1], -slope * t, 1e-12);
      EXPECT_NEAR(summary.certificate.objective, -std::fabs(g * slope * t), 1e-12);
    }
  }
}

/// W*(λ) = 2/(1 + 2λ) and V = (W* − 1)²/2 + ½, least at λ* = ½, where W* = 1. The ½ keeps |V|, which the
/// tolerance is relative to, from 0.
TEST(ClosedForms, A1AsABilevelProblem) {
  const auto world = Communicator::world();
  const BilevelObjective objective = [&](std::span<const double> theta, std::span<double> gradient) {
    const double lambda = std::exp(theta[0]), w = 2 / (1 + 2 * lambda);
    auto options = test::with_mu(0);
    options.tol = 1e-13;
    const auto instance = test::instance_of({1 + 2 * lambda}, {{2 * w}}, {w - 1}, {1});
    gradient[0] = lambda * test::adjoint(instance, options, world).summary.gamma[0];
    return 0.5 * (w - 1) * (w - 1) + 0.5;
  };
  for (const double start : {0.1, 3.0}) {
    const std::vector<double> from{std::log(start)}, lower{std::log(1e-3)}, upper{std::log(1e3)};
    const auto found = minimise_bilevel({objective, from, lower, upper}, world, {.tol = 1e-9});
    EXPECT_EQ(found.status, BilevelStatus::converged) << found.message;
    const double lambda = std::exp(found.theta[0]);
    EXPECT_NEAR(lambda, 0.5, 1e-8);
    EXPECT_NEAR(2 / (1 + 2 * lambda), 1, 1e-8);
    // By hand at the start: γ = (W − 1) dW/dλ, dW/dλ = −2W/(1 + 2λ), times λ for θ.
    std::vector<double> gradient(1);
    objective(from, gradient);
    const double w = 2 / (1 + 2 * start);
    EXPECT_NEAR(gradient[0], start * (w - 1) * -2 * w / (1 + 2 * start), 1e-12);
  }
}

}  // namespace
}  // namespace lift
