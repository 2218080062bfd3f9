#include "solvers/exact_stationarity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "tests/solvers/sharded_operator.hpp"

namespace lift {
namespace {

std::vector<double> normals(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  Philox(seed, RandomStream::test).normals(0, 0, std::span<double>(values));
  return values;
}

/// A whole instance, the same on every rank: H22, the columns of H21, g and s.
struct Instance {
  test::DenseMatrix h22;
  std::vector<std::vector<double>> h21;
  std::vector<double> g, s;
};

Instance instance_of(std::vector<double> h22, std::vector<std::vector<double>> h21, std::vector<double> g,
                     std::vector<double> s) {
  Instance instance;
  instance.h22.size = static_cast<std::int64_t>(g.size());
  instance.h22.entries = std::move(h22);
  instance.h21 = std::move(h21);
  instance.g = std::move(g);
  instance.s = std::move(s);
  return instance;
}

Instance random_instance(const std::vector<double>& eigenvalues, std::size_t p, std::uint64_t seed) {
  Instance instance;
  instance.h22 = test::with_spectrum(eigenvalues, seed);
  instance.g = normals(eigenvalues.size(), seed + 1);
  for (std::size_t i = 0; i < p; ++i) {
    instance.h21.push_back(normals(eigenvalues.size(), seed + 2 + i));
    instance.s.push_back(0.5 + 0.25 * static_cast<double>(i));
  }
  return instance;
}

struct Solution {
  StationaritySummary summary;
  std::vector<double> dw;  ///< whole
  std::vector<double> q;   ///< whole
  int products = 0;        ///< as the operator counted them
};

/// Solves with H12 = h12_factor · H21ᵀ, which is right for 1, and products rounded to float where
/// `single`.
Solution solve(const Instance& instance, const StationarityOptions& options, const Communicator& comm,
               double h12_factor = 1, bool single = false) {
  test::ShardedOperator h(instance.h22, comm);
  std::vector<std::vector<double>> columns;
  for (const auto& column : instance.h21) columns.push_back(h.shard(column));
  const auto g = h.shard(instance.g);
  const auto exact = h.callable();
  const SymmetricOperator h22 = [&](std::span<const double> x, std::span<double> y) {
    exact(x, y);
    for (double& entry : y) entry = single ? static_cast<float>(entry) : entry;
  };
  const auto h21 = [&](std::span<const double> lambda, std::span<double> w) {
    std::fill(w.begin(), w.end(), 0.0);
    for (std::size_t i = 0; i < columns.size(); ++i)
      for (std::size_t k = 0; k < w.size(); ++k) w[k] += columns[i][k] * lambda[i];
  };
  const auto h12 = [&](std::span<const double> w, std::span<double> lambda) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      lambda[i] = 0;
      for (std::size_t k = 0; k < w.size(); ++k) lambda[i] += h12_factor * columns[i][k] * w[k];
    }
  };
  const StationarityProblem problem{h22, h21, h12, g, instance.s, h.layout(), comm};
  std::vector<double> dw(g.size(), 7.0);
  Solution solution;
  solution.summary = solve_stationarity(problem, options, dw);
  solution.dw = h.whole(dw);
  solution.q = h.whole(solution.summary.q);
  solution.products = h.products();
  return solution;
}

Solution solve(const Instance& instance, const StationarityOptions& options = {}) {
  const auto world = Communicator::world();
  return solve(instance, options, world);
}

StationarityOptions with_mu(double mu) {
  StationarityOptions options;
  options.mu = mu;
  return options;
}

void expect_solved_to(const Solution& solution, double residual) {
  const auto& s = solution.summary;
  EXPECT_EQ(s.status, StationarityStatus::solved) << s.message;
  EXPECT_TRUE(answered(s.status));
  EXPECT_LE(s.q_residual, residual);
  EXPECT_LE(s.z_residual, residual);
  EXPECT_LE(s.certificate, 100 * residual);
  EXPECT_LT(s.g_dw, 0);
  EXPECT_EQ(s.products, solution.products);
}

void expect_solved(const Solution& solution) {
  expect_solved_to(solution, 1e-7);
}

/// γ, dλ and dW by elimination, for the damping that the solver used.
void expect_dense_answer(const Instance& instance, const Solution& solution, LambdaSet set) {
  const auto& s = solution.summary;
  const auto q = test::solve_dense(instance.h22, s.mu, instance.g);
  const double q_size = std::sqrt(test::dot_dense(q, q));
  for (std::size_t k = 0; k < q.size(); ++k) EXPECT_NEAR(solution.q[k], q[k], 1e-5 * q_size);
  const std::size_t p = instance.s.size();
  double norm1 = 0, square = 0;
  std::vector<double> gamma;
  for (std::size_t i = 0; i < p; ++i) {
    gamma.push_back(-test::dot_dense(instance.h21[i], q));
    norm1 += std::fabs(instance.s[i] * gamma[i]);
    square += std::pow(instance.s[i] * gamma[i], 2);
  }
  std::vector<double> rhs(q.size(), 0.0);
  for (std::size_t i = 0; i < p; ++i) {
    const double sigma = instance.s[i];
    const double wanted = set == LambdaSet::box ? (gamma[i] > 0 ? -sigma : sigma)
                                                : -sigma * sigma * gamma[i] / std::sqrt(square);
    EXPECT_NEAR(s.gamma[i], gamma[i], 1e-5 * norm1);
    EXPECT_NEAR(s.dlambda[i], wanted, 1e-5);
    for (std::size_t k = 0; k < rhs.size(); ++k) rhs[k] -= instance.h21[i][k] * wanted;
  }
  const double value = set == LambdaSet::box ? -norm1 : -std::sqrt(square);
  EXPECT_NEAR(s.predicted, value, 1e-5 * norm1);
  EXPECT_NEAR(s.g_dw, value, 1e-5 * norm1);
  const auto dw = test::solve_dense(instance.h22, s.mu, rhs);
  const double size = std::sqrt(test::dot_dense(dw, dw));
  for (std::size_t k = 0; k < dw.size(); ++k) EXPECT_NEAR(solution.dw[k], dw[k], 1e-5 * size);
}

std::vector<double> geometric(int count, double first, double last) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(first * std::pow(last / first, i / (count - 1.0)));
  return values;
}

TEST(ExactStationarity, GivesTheDirectionOfA1WhichStaysStationaryToSecondOrder) {
  const auto solution = solve(instance_of({1.2}, {{10.0 / 3}}, {2.0 / 3}, {1}), with_mu(0));
  expect_solved(solution);
  EXPECT_NEAR(solution.summary.gamma[0], -50.0 / 27, 1e-14);
  EXPECT_EQ(solution.summary.dlambda[0], 1);
  EXPECT_NEAR(solution.summary.predicted, -1.851851851851852, 1e-14);
  EXPECT_NEAR(solution.summary.g_dw, -1.851851851851852, 1e-14);
  EXPECT_NEAR(solution.dw[0], -2.777777777777778, 1e-14);
  for (const double t : {0.5, 0.1, 0.01, -0.3}) {
    const double residual = (1 + 2 * (0.1 + t)) * (5.0 / 3 + t * solution.dw[0]) - 2;
    EXPECT_NEAR(residual, -50.0 / 9 * t * t, 1e-13);
  }
}

TEST(ExactStationarity, GivesTheOtherSignForTheSecondBlockOfA1) {
  const auto solution = solve(instance_of({1.2}, {{5.0 / 3}}, {-7.0 / 6}, {1}), with_mu(0));
  expect_solved(solution);
  EXPECT_NEAR(solution.summary.gamma[0], 1.620370370370370, 1e-14);
  EXPECT_EQ(solution.summary.dlambda[0], -1);
  EXPECT_NEAR(solution.dw[0], 25.0 / 18, 1e-14);
}

TEST(ExactStationarity, AddsUpTheBlocksOfA1InBothSets) {
  const auto both =
      instance_of({1.2, 0, 0, 1.2}, {{10.0 / 3, 0}, {0, 5.0 / 3}}, {2.0 / 3, -7.0 / 6}, {1, 0.5});
  const auto box = solve(both, with_mu(0));
  expect_solved(box);
  EXPECT_NEAR(box.summary.predicted, -50.0 / 27 - 175.0 / 216, 1e-13);
  EXPECT_NEAR(box.dw[1], 25.0 / 36, 1e-13);
  auto options = with_mu(0);
  options.set = LambdaSet::ball;
  const auto ball = solve(both, options);
  expect_solved(ball);
  const double norm = std::hypot(50.0 / 27, 175.0 / 216);
  EXPECT_NEAR(ball.summary.predicted, -norm, 1e-13);
  EXPECT_NEAR(ball.summary.dlambda[0], 50.0 / 27 / norm, 1e-13);
  EXPECT_NEAR(ball.summary.dlambda[1], -0.25 * 175.0 / 108 / norm, 1e-13);
}

TEST(ExactStationarity, AgreesWithEliminationOnRandomInstances) {
  for (const auto set : {LambdaSet::box, LambdaSet::ball}) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const auto instance = random_instance(geometric(40, 0.05, 5), 1 + seed, 100 * (seed + 1));
      StationarityOptions options;
      options.set = set;
      if (seed % 2 == 0) options.mu = 0.01 * static_cast<double>(seed);
      const auto solution = solve(instance, options);
      expect_solved(solution);
      EXPECT_EQ(solution.summary.raises, 0);
      expect_dense_answer(instance, solution, set);
    }
  }
}

/// Ridge regression with two groups of three weights: L_t = ½‖XW − y‖², regulariser Σ λ_i ‖W_i‖².
struct Ridge {
  static constexpr int kRows = 12, kWeights = 6;
  std::vector<double> x = normals(kRows * kWeights, 200), y = normals(kRows, 201);
  std::vector<double> xv = normals(kRows * kWeights, 202), yv = normals(kRows, 203);

  [[nodiscard]] static double product(const std::vector<double>& m, int row, const std::vector<double>& w) {
    double sum = 0;
    for (int k = 0; k < kWeights; ++k) sum += m[row * kWeights + k] * w[k];
    return sum;
  }
  [[nodiscard]] test::DenseMatrix hessian(const std::vector<double>& lambda) const {
    test::DenseMatrix h{kWeights, std::vector<double>(kWeights * kWeights, 0.0)};
    for (int i = 0; i < kWeights; ++i) {
      h.entries[i * kWeights + i] = 2 * lambda[i / 3];
      for (int j = 0; j < kWeights; ++j)
        for (int r = 0; r < kRows; ++r)
          h.entries[i * kWeights + j] += x[r * kWeights + i] * x[r * kWeights + j];
    }
    return h;
  }
  [[nodiscard]] std::vector<double> optimum(const std::vector<double>& lambda) const {
    std::vector<double> rhs(kWeights, 0.0);
    for (int k = 0; k < kWeights; ++k)
      for (int r = 0; r < kRows; ++r) rhs[k] += x[r * kWeights + k] * y[r];
    return test::solve_dense(hessian(lambda), 0, rhs);
  }
  [[nodiscard]] double validation_loss(const std::vector<double>& w) const {
    double loss = 0;
    for (int r = 0; r < kRows; ++r) loss += 0.5 * std::pow(product(xv, r, w) - yv[r], 2);
    return loss;
  }
  [[nodiscard]] Instance instance(const std::vector<double>& lambda) const {
    const auto w = optimum(lambda);
    Instance instance{hessian(lambda), {{}, {}}, std::vector<double>(kWeights, 0.0), {1, 1}};
    for (int k = 0; k < kWeights; ++k) {
      for (int group = 0; group < 2; ++group) instance.h21[group].push_back(k / 3 == group ? 2 * w[k] : 0);
      for (int r = 0; r < kRows; ++r) instance.g[k] += xv[r * kWeights + k] * (product(xv, r, w) - yv[r]);
    }
    return instance;
  }
};

TEST(ExactStationarity, IsTheSlopeOfTheRidgeOptimumOfA4) {
  const Ridge ridge;
  const std::vector<double> lambda{0.4, 1.1};
  auto options = with_mu(0);
  options.tol = 1e-12;
  const auto solution = solve(ridge.instance(lambda), options);
  expect_solved(solution);
  const double h = 1e-4;
  double norm1 = 0;
  for (int i = 0; i < 2; ++i) {
    auto up = lambda, down = lambda;
    up[i] += h;
    down[i] -= h;
    const double slope =
        (ridge.validation_loss(ridge.optimum(up)) - ridge.validation_loss(ridge.optimum(down))) / (2 * h);
    EXPECT_NEAR(solution.summary.gamma[i], slope, 1e-7 * (1 + std::fabs(slope)));
    EXPECT_EQ(solution.summary.dlambda[i], slope > 0 ? -1 : 1);
    norm1 += std::fabs(slope);
  }
  EXPECT_NEAR(solution.summary.predicted, -norm1, 1e-7 * (1 + norm1));
  // dW is how the optimum moves along dλ.
  auto ahead = lambda, behind = lambda;
  for (int i = 0; i < 2; ++i) {
    ahead[i] += h * solution.summary.dlambda[i];
    behind[i] -= h * solution.summary.dlambda[i];
  }
  const auto w1 = ridge.optimum(ahead), w0 = ridge.optimum(behind);
  for (int k = 0; k < Ridge::kWeights; ++k)
    EXPECT_NEAR(solution.dw[k], (w1[k] - w0[k]) / (2 * h), 1e-7 * (1 + std::fabs(solution.dw[k])));
}

TEST(ExactStationarity, DampsASingularHessian) {
  auto eigenvalues = geometric(30, 0.1, 4);
  for (int i = 0; i < 10; ++i) eigenvalues[i] = 0;
  const auto instance = random_instance(eigenvalues, 3, 300);
  const auto solution = solve(instance);
  expect_solved(solution);
  EXPECT_GT(solution.summary.mu, 0);
  EXPECT_LT(solution.summary.mu, 1);
  expect_dense_answer(instance, solution, LambdaSet::box);
}

TEST(ExactStationarity, RaisesTheDampingOfAnIndefiniteHessian) {
  auto eigenvalues = geometric(30, 0.2, 4);
  eigenvalues[0] = -2;
  eigenvalues[1] = -0.7;
  const auto instance = random_instance(eigenvalues, 3, 400);
  const auto raised = solve(instance, with_mu(0.1));
  expect_solved(raised);
  EXPECT_GE(raised.summary.raises, 1);
  EXPECT_GT(raised.summary.mu, 2) << "or H22 + μ is still indefinite";
  EXPECT_LT(raised.summary.theta_min, 0);
  expect_dense_answer(instance, raised, LambdaSet::box);

  const auto chosen = solve(instance);
  expect_solved(chosen);
  EXPECT_GT(chosen.summary.mu, 2);
  expect_dense_answer(instance, chosen, LambdaSet::box);

  // From μ = 0 and a first direction that goes down already.
  expect_solved(solve(random_instance(geometric(12, -3, -1), 2, 450), with_mu(0)));
}

TEST(ExactStationarity, FailsWithoutAStepWhereDampingMayNotBeRaised) {
  const auto instance = random_instance({-5, -4, 1, 2, 3, 4}, 2, 500);
  auto options = with_mu(0);
  options.max_raises = 0;
  const auto solution = solve(instance, options);
  EXPECT_EQ(solution.summary.status, StationarityStatus::indefinite);
  EXPECT_TRUE(failed(solution.summary.status));
  EXPECT_EQ(solution.dw, std::vector<double>(6, 0.0));
  EXPECT_EQ(solution.summary.dlambda, std::vector<double>(2, 0.0));
  // H22 = 0 has no size to damp by.
  const auto zero = solve(random_instance(std::vector<double>(5, 0.0), 2, 510));
  EXPECT_EQ(zero.summary.status, StationarityStatus::indefinite) << zero.summary.message;
}

TEST(ExactStationarity, SaysHowGoodTruncatedSolvesAre) {
  const auto instance = random_instance(geometric(60, 1e-4, 1), 3, 600);
  auto options = with_mu(0);
  options.max_iterations = 6;
  const auto stopped = solve(instance, options);
  EXPECT_EQ(stopped.summary.status, StationarityStatus::iteration_limit) << stopped.summary.message;
  EXPECT_FALSE(answered(stopped.summary.status) || failed(stopped.summary.status));
  EXPECT_EQ(stopped.summary.q_iterations, 6);
  EXPECT_EQ(stopped.summary.z_iterations, 6);
  EXPECT_GT(stopped.summary.q_residual, 1e-3);
  EXPECT_GT(stopped.summary.certificate, 1e-6);
  EXPECT_LT(stopped.summary.g_dw, 0);
  double found = 0;
  for (std::size_t k = 0; k < stopped.dw.size(); ++k) found += instance.g[k] * stopped.dw[k];
  EXPECT_NEAR(found, stopped.summary.g_dw, 1e-10 * std::fabs(found));

  options = {};
  options.max_products = 13;
  const auto spent = solve(instance, options);
  EXPECT_EQ(spent.summary.status, StationarityStatus::iteration_limit);
  EXPECT_EQ(spent.summary.q_iterations, 2) << "eight products chose the damping";
  EXPECT_EQ(spent.summary.z_iterations, 3);
  EXPECT_EQ(spent.products, 15) << "two of them measure the residuals";
  EXPECT_EQ(spent.summary.products, spent.products);
  options.max_products = 3;
  const auto none = solve(instance, options);
  EXPECT_EQ(none.summary.status, StationarityStatus::no_descent) << "nothing left for a solve";
  EXPECT_EQ(none.dw, std::vector<double>(60, 0.0));
}

TEST(ExactStationarity, SaysWhatSinglePrecisionProductsAllow) {
  const auto world = Communicator::world();
  const auto instance = random_instance(geometric(60, 1e-3, 1), 3, 650);
  auto options = with_mu(1e-3);
  const auto strict = solve(instance, options, world, 1, true);
  EXPECT_FALSE(answered(strict.summary.status) || failed(strict.summary.status)) << strict.summary.message;
  EXPECT_GT(std::max(strict.summary.q_residual, strict.summary.z_residual), 1e-7);
  EXPECT_LT(strict.summary.certificate, 1e-3) << "usable all the same";
  options.tol = 1e-4;
  options.certificate_tol = 1e-2;
  expect_solved_to(solve(instance, options, world, 1, true), 1e-3);
}

TEST(ExactStationarity, CatchesAnH12ThatIsNotTheTransposeOfH21) {
  const auto world = Communicator::world();
  const auto instance = random_instance(geometric(20, 0.5, 2), 3, 700);
  const auto twice = solve(instance, {}, world, 2);
  EXPECT_EQ(twice.summary.status, StationarityStatus::stalled);
  EXPECT_NEAR(twice.summary.certificate, 0.5, 1e-5);
  const auto reversed = solve(instance, {}, world, -1);
  EXPECT_EQ(reversed.summary.status, StationarityStatus::no_descent);
  EXPECT_GT(reversed.summary.g_dw, 0);
  EXPECT_EQ(reversed.dw, std::vector<double>(20, 0.0));
  EXPECT_TRUE(failed(reversed.summary.status));
}

TEST(ExactStationarity, AnswersWithZeroWhereNothingCanMove) {
  const auto still = [](const Instance& instance, const std::string& why, bool free) {
    const auto solution = solve(instance);
    EXPECT_EQ(solution.summary.status, StationarityStatus::solved) << why;
    EXPECT_THAT(solution.summary.message, testing::HasSubstr(why));
    EXPECT_EQ(solution.dw, std::vector<double>(solution.dw.size(), 0.0));
    EXPECT_EQ(solution.summary.dlambda, std::vector<double>(instance.s.size(), 0.0));
    EXPECT_EQ(solution.summary.predicted, 0);
    EXPECT_EQ(solution.products == 0, free) << why;
  };
  const auto plain = random_instance(geometric(10, 1, 2), 2, 800);
  auto instance = plain;
  instance.h21.clear();
  instance.s.clear();
  still(instance, "no hyperparameter", true);
  instance = plain;
  for (auto& column : instance.h21) std::fill(column.begin(), column.end(), 0.0);
  still(instance, "H21 is 0", true);
  instance = plain;
  std::fill(instance.g.begin(), instance.g.end(), 0.0);
  still(instance, "the gradient is 0", true);
  instance = plain;
  std::fill(instance.s.begin(), instance.s.end(), 0.0);
  still(instance, "wherever s is not", true);
  // H22 = 2 I, g and H21 on different coordinates.
  instance = instance_of({2, 0, 0, 0, 2, 0, 0, 0, 2}, {{0, 1, 0}}, {1, 0, 0}, {1});
  still(instance, "the hypergradient is 0", false);
}

TEST(ExactStationarity, HoldsAHyperparameterOfSizeZero) {
  auto instance = random_instance(geometric(20, 0.5, 2), 3, 900);
  instance.s[1] = 0;
  const auto solution = solve(instance);
  expect_solved(solution);
  EXPECT_EQ(solution.summary.dlambda[1], 0);
  EXPECT_NE(solution.summary.gamma[1], 0);
}

TEST(ExactStationarity, FailsOnNumbersThatAreNotFinite) {
  auto instance = random_instance(geometric(10, 0.5, 2), 2, 1000);
  instance.h22.entries[37] = std::nan("");
  for (const auto& options : {StationarityOptions{}, with_mu(0.1)}) {
    const auto solution = solve(instance, options);
    EXPECT_EQ(solution.summary.status, StationarityStatus::not_finite);
    EXPECT_EQ(solution.dw, std::vector<double>(10, 0.0));
  }
}

TEST(ExactStationarity, AgreesOnAnyNumberOfRanks) {
  const auto world = Communicator::world();
  const auto self = Communicator::self();
  const auto instance = random_instance(geometric(33, 0.1, 3), 4, 1100);
  const auto together = solve(instance, {}, world), alone = solve(instance, {}, self);
  for (std::size_t k = 0; k < 33; ++k) EXPECT_NEAR(together.dw[k], alone.dw[k], 1e-6);
  EXPECT_NEAR(together.summary.mu, alone.summary.mu, 1e-12);
  const auto& s = together.summary;
  std::vector<double> mine = s.gamma;
  mine.insert(mine.end(), s.dlambda.begin(), s.dlambda.end());
  mine.insert(mine.end(), {s.mu, s.theta_min, s.theta_max, s.predicted, s.g_dw, s.certificate, s.q_residual,
                           s.z_residual, s.seconds, static_cast<double>(s.products)});
  auto root = mine;
  broadcast(host_buffer(std::span<double>(root)), 0, world);
  EXPECT_EQ(mine, root);
}

TEST(ExactStationarity, RefusesWrongInputOnEveryRank) {
  const auto world = Communicator::world();
  const bool last = world.rank() == world.size() - 1;
  const auto plain = random_instance(geometric(10, 1, 2), 2, 1200);
  const auto refused = [&](auto change, const std::string& text) {
    auto instance = plain;
    StationarityOptions options;
    change(instance, options);
    try {
      solve(last ? instance : plain, last ? options : StationarityOptions{}, world);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::internal);
      EXPECT_THAT(error.what(), testing::HasSubstr(text));
    }
  };
  refused([](auto&, auto& o) { o.mu = -1; }, "mu = -1 violates mu >= 0");
  refused([](auto&, auto& o) { o.delta = 0; }, "delta = 0 violates delta > 0");
  refused([](auto&, auto& o) { o.lanczos_steps = 0; }, "lanczos_steps = 0 violates lanczos_steps >= 1");
  refused([](auto&, auto& o) { o.tol = 0; }, "tol = 0 violates tol > 0");
  refused([](auto&, auto& o) { o.certificate_tol = 0; }, "certificate_tol = 0 violates certificate_tol > 0");
  refused([](auto&, auto& o) { o.max_iterations = 0; }, "max_iterations = 0 violates max_iterations >= 1");
  refused([](auto&, auto& o) { o.max_products = 0; }, "max_products = 0 violates max_products >= 1");
  refused([](auto&, auto& o) { o.max_raises = -1; }, "max_raises = -1 violates max_raises >= 0");
  refused([](auto& i, auto&) { i.g[9] = std::nan(""); }, "g[9] = nan is not finite");
  refused([](auto& i, auto&) { i.s[1] = -1; }, "s[1] = -1, expected finite and >= 0");
}

TEST(ExactStationarity, NamesItsStatuses) {
  EXPECT_STREQ(to_string(StationarityStatus::solved), "solved");
  EXPECT_STREQ(to_string(StationarityStatus::iteration_limit), "iteration_limit");
  EXPECT_STREQ(to_string(StationarityStatus::stalled), "stalled");
  EXPECT_STREQ(to_string(StationarityStatus::no_descent), "no_descent");
  EXPECT_STREQ(to_string(StationarityStatus::indefinite), "indefinite");
  EXPECT_STREQ(to_string(StationarityStatus::not_finite), "not_finite");
}

}  // namespace
}  // namespace lift
