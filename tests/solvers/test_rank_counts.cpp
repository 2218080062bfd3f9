// The same problem on all ranks together and on each alone: the answers differ by no more than ten times the
// error that either of them certifies, which is far above rounding.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "solvers/bilevel.hpp"
#include "solvers/box_lp.hpp"
#include "solvers/least_eigenvalue.hpp"
#include "solvers/spectral_density.hpp"
#include "tests/solvers/convex_problems.hpp"
#include "tests/solvers/lp_catalogue.hpp"
#include "tests/solvers/sharded_operator.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

using test::geometric;
using test::normals;

constexpr double kTimes = 10;
constexpr double kRounding = 1e-13;  ///< a certified error below it would make a comparison of bits

double distance(const std::vector<double>& x, const std::vector<double>& y) {
  double squares = 0;
  for (std::size_t k = 0; k < x.size(); ++k) squares += (x[k] - y[k]) * (x[k] - y[k]);
  return std::sqrt(squares);
}

double length(const std::vector<double>& x) {
  return distance(x, std::vector<double>(x.size(), 0.0));
}

class RankCounts : public testing::Test {
 protected:
  const Communicator world_ = Communicator::world(), self_ = Communicator::self();
};

struct EigenPair {
  EigenSummary summary;
  std::vector<double> vector;  ///< whole
};

EigenPair least(const test::DenseMatrix& matrix, const EigenOptions& options, const Communicator& comm) {
  test::ShardedOperator h(matrix, comm);
  EigenPair found{least_eigenvalue(h.callable(), h.shard(normals(matrix.size, 2)), h.layout(), comm, options),
                  {}};
  found.vector = h.whole(found.summary.vector);
  return found;
}

/// An eigenvalue within the residual of vᵀHv; the angle to its vector at most residual / distance to the
/// rest.
TEST_F(RankCounts, TheLeastEigenvalue) {
  auto eigenvalues = geometric(150, 0.01, 20);
  eigenvalues.front() = -0.5;
  const auto matrix = test::with_spectrum(eigenvalues, 801);
  for (const EigenOptions& options : {EigenOptions{.max_products = 300, .basis = 12, .tol = 1e-5},
                                      EigenOptions{.max_products = 20, .basis = 12, .tol = 1e-9}}) {
    const auto together = least(matrix, options, world_), alone = least(matrix, options, self_);
    EXPECT_EQ(together.summary.status, alone.summary.status);
    const double error = std::min(together.summary.residual, alone.summary.residual);
    EXPECT_GT(error, kRounding);
    EXPECT_NEAR(together.summary.value, alone.summary.value, kTimes * error);
    EXPECT_NEAR(together.summary.lower_bound, alone.summary.lower_bound, kTimes * error);
    auto turned = alone.vector;
    if (test::dot_dense(together.vector, alone.vector) < 0)
      for (double& entry : turned) entry = -entry;
    EXPECT_LE(distance(together.vector, turned), kTimes * error / 0.5);
  }
}

/// |S_ij − exact| ≤ ‖H21 e_i‖ · residual ‖H21 e_j‖ / λ_min.
TEST_F(RankCounts, TheSchurComplement) {
  const auto instance = test::random_instance(geometric(60, 0.05, 5), 3, 820);
  const SchurOptions options{.tol = 1e-4, .certificate_tol = 1e-1};
  const auto together = test::schur(instance, options, world_), alone = test::schur(instance, options, self_);
  EXPECT_EQ(together.status, SchurStatus::solved) << together.message;
  EXPECT_EQ(alone.status, SchurStatus::solved) << alone.message;
  const double residual = std::min(together.residual, alone.residual);
  EXPECT_GT(residual, 1e-6);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const double error = length(instance.h21[i]) * residual * length(instance.h21[j]) / 0.05;
      const double exact =
          -test::dot_dense(instance.h21[i], test::solve_dense(instance.h22, 0, instance.h21[j]));
      EXPECT_NEAR(together.s[i * 3 + j], alone.s[i * 3 + j], kTimes * error);
      EXPECT_NEAR(together.s[i * 3 + j], exact, kTimes * error) << "or the error is not certified";
    }
  }
}

/// ‖q − exact‖ ≤ residual ‖g‖ / λ_min.
TEST_F(RankCounts, TheAdjointSolve) {
  const auto instance = test::random_instance(geometric(80, 0.02, 5), 2, 830);
  auto options = test::with_mu(0);
  options.tol = 1e-4;
  const auto together = test::adjoint(instance, options, world_),
             alone = test::adjoint(instance, options, self_);
  const double residual = std::min(together.summary.q_residual, alone.summary.q_residual);
  EXPECT_GT(residual, 1e-7);
  const double error = residual * length(instance.g) / 0.02;
  EXPECT_LE(distance(together.q, alone.q), kTimes * error);
  EXPECT_LE(distance(together.q, test::solve_dense(instance.h22, 0, instance.g)), kTimes * error);
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_NEAR(together.summary.gamma[i], alone.summary.gamma[i], kTimes * error * length(instance.h21[i]));
}

/// A quadrature certifies nothing but its products: few steps agree to rounding, many in what is smooth.
TEST_F(RankCounts, TheSpectralDensity) {
  const auto of = [](std::vector<double> eigenvalues, int steps, const Communicator& comm) {
    test::ShardedOperator h(test::with_spectrum(eigenvalues, 840), comm);
    return spectral_quadrature(h.callable(), h.shard(normals(100, 841)), steps, h.layout(), comm);
  };
  auto eigenvalues = geometric(100, 1e-3, 1);
  const auto together = of(eigenvalues, 8, world_), alone = of(eigenvalues, 8, self_);
  ASSERT_EQ(together.nodes.size(), alone.nodes.size());
  for (std::size_t i = 0; i < alone.nodes.size(); ++i) {
    EXPECT_NEAR(together.nodes[i], alone.nodes[i], 1e-9);
    EXPECT_NEAR(together.weights[i], alone.weights[i], 1e-9);
  }
  eigenvalues.back() = 100;  // orthogonality is lost
  const std::vector<SpectralQuadrature> long_together{of(eigenvalues, 60, world_)},
      long_alone{of(eigenvalues, 60, self_)};
  for (const double x : {-0.1, 0.0, 0.05, 0.3, 0.7, 1.0, 99.9, 100.1})
    EXPECT_NEAR(spectral_density(long_together, 0.1, x), spectral_density(long_alone, 0.1, x), 1e-6) << x;
}

/// V over θ = log λ with its hypergradient, by products on `comm`.
template <typename Problem>
struct ValidationLoss {
  const Problem problem;
  double at(std::span<const double> theta, std::span<double> gradient, const Communicator& comm) const {
    std::vector<double> lambda;
    for (const double t : theta) lambda.push_back(std::exp(t));
    auto options = test::with_mu(0);
    options.tol = 1e-12;
    const auto gamma = test::adjoint(problem.instance(lambda), options, comm).summary.gamma;
    for (std::size_t i = 0; i < gamma.size(); ++i) gradient[i] = lambda[i] * gamma[i];
    return problem.validation_loss(problem.optimum(lambda));
  }
  /// ∂²V/∂θ_i² by differences of the gradient.
  [[nodiscard]] double curvature(std::vector<double> theta, std::size_t i, const Communicator& comm) const {
    constexpr double kStep = 1e-4;
    std::vector<double> up(theta.size()), down(theta.size());
    theta[i] += kStep;
    at(theta, up, comm);
    theta[i] -= 2 * kStep;
    at(theta, down, comm);
    return (up[i] - down[i]) / (2 * kStep);
  }
};

template <typename Problem>
class BilevelRankCounts : public RankCounts {};
using Problems = testing::Types<test::Ridge, test::Logistic>;
TYPED_TEST_SUITE(BilevelRankCounts, Problems);

/// ‖projected ∇V‖ over the curvature is what θ may be off by, where no bound holds it.
TYPED_TEST(BilevelRankCounts, TheBilevelMinimum) {
  const ValidationLoss<TypeParam> v{};
  const std::vector<double> start{std::log(0.4), std::log(1.1)}, lower{-5, -5}, upper{5, 5};
  const auto found = [&](const Communicator& comm) {
    const BilevelObjective objective = [&](std::span<const double> theta, std::span<double> gradient) {
      return v.at(theta, gradient, comm);
    };
    return minimise_bilevel({objective, start, lower, upper}, comm, {.tol = 1e-4});
  };
  const auto together = found(this->world_), alone = found(this->self_);
  EXPECT_EQ(together.status, BilevelStatus::converged) << together.message;
  EXPECT_EQ(alone.status, BilevelStatus::converged) << alone.message;
  const double error = std::min(together.projected_gradient, alone.projected_gradient);
  EXPECT_NEAR(together.value, alone.value, kTimes * error * distance(start, alone.theta));
  for (std::size_t i = 0; i < 2; ++i) {
    if (alone.theta[i] == lower[i] || alone.theta[i] == upper[i]) {
      EXPECT_EQ(together.theta[i], alone.theta[i]);
      continue;
    }
    EXPECT_GT(error, kRounding);
    const double curvature = v.curvature(alone.theta, i, this->self_);
    ASSERT_GT(curvature, 0);
    EXPECT_NEAR(together.theta[i], alone.theta[i], kTimes * error / curvature);
  }
}

/// Feasible answers lie within their gaps of the one optimum.
TEST_F(RankCounts, TheRelaxedBoxLp) {
  auto instances = test::hard_cases();
  instances.push_back(test::gaussian("relaxed", 7, 5000, 850));
  int compared = 0;
  for (const auto& lp : instances) {
    SCOPED_TRACE(lp.name);
    const test::DistributedLp whole(lp, self_);
    std::vector<double> tau = row_reach(whole.problem());
    for (std::size_t i = 0; i < tau.size(); ++i) tau[i] *= i % 2 == 0 ? 1e-3 : 0.05;
    for (const LpMethod method : {LpMethod::mehrotra, LpMethod::preprocessing}) {
      BoxLpOptions options;
      options.method = method;
      options.least_coordinates = 0;
      options.gap_tol = 1e-5;
      const auto together = test::solve_dealt(lp, world_, options, tau).summary;
      const auto alone = test::solve_dealt(lp, self_, options, tau).summary;
      EXPECT_EQ(together.status, LpStatus::optimal) << together.message;
      const double gap = std::min(together.certificate.gap, alone.certificate.gap);
      compared += gap > kRounding ? 1 : 0;
      EXPECT_NEAR(together.certificate.objective, alone.certificate.objective,
                  kTimes * std::max(gap, kRounding) * test::cost_norm(lp));
    }
  }
  EXPECT_GT(compared, 20) << "gaps of rounding alone say nothing";
}

}  // namespace
}  // namespace lift
