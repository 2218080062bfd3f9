#include "src/methods/radial_projection.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "mpi/error.hpp"
#include "tests/src/methods/toys.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A Conv1D weight [in, out], its bias, an embedding and a low-rank pair.
std::vector<TunedTensor> five_tensors() {
  return tensors_of({{"h.0.mlp.c_fc.weight", {5, 7}},
                     {"h.0.mlp.c_fc.bias", {7}},
                     {"wte.weight", {11, 3}},
                     {"h.0.mlp.c_fc.lora_A", {2, 5}},
                     {"h.0.mlp.c_fc.lora_B", {7, 2}}});
}
constexpr std::int64_t kSize = 5 * 7 + 7 + 11 * 3 + 2 * 5 + 7 * 2;

/// θ̃ out of place.
at::Tensor projected(const RadialProjection& projection, const at::Tensor& theta, const at::Tensor& start,
                     const std::vector<double>& radii) {
  at::Tensor out = at::zeros_like(theta);
  projection.project(out, theta, start, projection.norms(theta, start), radii);
  return out;
}

/// Radii that leave some rows of a tensor as they are, where it has several, and shorten others.
std::vector<double> middle_radii(const RadialProjection& projection, const at::Tensor& theta,
                                 const at::Tensor& start) {
  const auto norms = projection.norms(theta, start);
  auto radii = projection.initial_radii(norms);
  const auto largest = projection.largest(norms);
  for (std::size_t k = 0; k < radii.size(); ++k) radii[k] = 0.9 * radii[k] + 0.45 * largest[k];
  return radii;
}

class BothNorms : public ::testing::TestWithParam<RadialNorm> {
 protected:
  at::Tensor start_ = normals(kSize, 1), theta_ = start_ + normals(kSize, 2) * 0.3;
  RadialProjection projection_{five_tensors(), GetParam()};
  std::vector<double> radii_ = middle_radii(projection_, theta_, start_);
};

INSTANTIATE_TEST_SUITE_P(RadialProjection, BothNorms, ::testing::Values(RadialNorm::l2, RadialNorm::mars));

TEST_P(BothNorms, IsFeasible) {
  const auto largest =
      projection_.largest(projection_.norms(projected(projection_, theta_, start_, radii_), start_));
  for (std::size_t k = 0; k < radii_.size(); ++k) EXPECT_LE(largest[k], radii_[k] * (1 + 1e-14));
}

TEST_P(BothNorms, IsIdempotent) {
  const auto once = projected(projection_, theta_, start_, radii_);
  const auto twice = projected(projection_, once, start_, radii_);
  EXPECT_LT((twice - once).abs().max().item().toDouble(), 1e-8);
  EXPECT_GT((once - theta_).abs().max().item().toDouble(), 1e-2);
}

TEST_P(BothNorms, KeepsTheLastBitInsideItsRadii) {
  for (const auto type : {at::kDouble, at::kFloat}) {
    const auto start = start_.to(type), theta = theta_.to(type);
    auto radii = projection_.largest(projection_.norms(theta, start));
    for (double& radius : radii) radius += 1e-7;
    EXPECT_TRUE(projected(projection_, theta, start, radii).equal(theta));
    radii[0] *= 0.9;
    EXPECT_FALSE(projected(projection_, theta, start, radii).equal(theta));
    EXPECT_TRUE(projected(projection_, theta, start, std::vector(5, kInfinity)).equal(theta));
  }
}

TEST_P(BothNorms, GivesTheStartAtRadiusZero) {
  EXPECT_TRUE(projected(projection_, theta_, start_, std::vector(5, 0.0)).equal(start_));
}

TEST_P(BothNorms, InPlaceIsOutOfPlace) {
  at::Tensor theta = theta_.clone();
  projection_.project(theta, theta, start_, projection_.norms(theta_, start_), radii_);
  EXPECT_TRUE(theta.equal(projected(projection_, theta_, start_, radii_)));
}

/// The greatest relative error of the derivative of a quadratic in the radii, by central differences.
double derivative_error(const RadialProjection& projection, const at::Tensor& theta, const at::Tensor& start,
                        const std::vector<double>& radii, RadiusRows rows) {
  const Quadratic loss{normals(kSize * kSize, 5).view({kSize, kSize}), normals(kSize, 6)};
  const auto norms = projection.norms(theta, start);
  const auto gradient = loss(projected(projection, theta, start, radii)).gradient;
  const auto claimed =
      projection.radius_gradient(projection.products(gradient, theta, start), norms, radii, rows);
  double worst = 0;
  for (std::size_t k = 0; k < radii.size(); ++k) {
    const double h = 1e-5;
    auto above = radii, below = radii;
    above[k] += h;
    below[k] -= h;
    const double difference = (loss(projected(projection, theta, start, above)).loss -
                               loss(projected(projection, theta, start, below)).loss) /
                              (2 * h);
    worst = std::max(worst, std::abs(claimed[k] - difference) / std::abs(difference));
  }
  return worst;
}

TEST_P(BothNorms, DerivativeInTheRadiiIsTheCentralDifference) {
  EXPECT_LT(derivative_error(projection_, theta_, start_, radii_, RadiusRows::active), 1e-6);
}

TEST(RadialProjection, ADerivativeOfRowsThatAreNotActiveIsCaught) {
  const auto start = normals(kSize, 1), theta = start + normals(kSize, 2) * 0.3;
  const RadialProjection mars(five_tensors(), RadialNorm::mars);
  const auto radii = middle_radii(mars, theta, start);
  EXPECT_GT(derivative_error(mars, theta, start, radii, RadiusRows::all), 1e-2);
}

TEST(RadialProjection, ARadiusBeyondEveryRowHasNoDerivative) {
  const auto start = normals(kSize, 1), theta = start + normals(kSize, 2);
  const RadialProjection mars(five_tensors(), RadialNorm::mars);
  const auto norms = mars.norms(theta, start), products = mars.products(normals(kSize, 9), theta, start);
  auto radii = mars.largest(norms);
  for (const double slope : mars.radius_gradient(products, norms, radii))
    EXPECT_NE(slope, 0) << "the longest row is active at the bound: the way back is open";
  for (double& radius : radii) radius += 1e-7;
  for (const double slope : mars.radius_gradient(products, norms, radii)) EXPECT_EQ(slope, 0);
}

// The projection p onto a convex set is the point with ⟨θ − p, z − p⟩ ≤ 0 for each z of the set.
TEST(RadialProjection, L2IsTheEuclideanProjection) {
  const auto tensors = tensors_of({{"bias", {6}}});
  const RadialProjection l2(tensors, RadialNorm::l2);
  const double radius = 0.7;
  const auto start = normals(6, 1), theta = start + normals(6, 2);
  const auto nearest = projected(l2, theta, start, {radius});
  const double distance = (theta - nearest).norm().item().toDouble();
  for (std::uint64_t k = 0; k < 2000; ++k) {
    const auto way = normals(6, 100 + k);
    const double part = std::pow(Philox(2, RandomStream::test).uniform(k, 0), 1.0 / 6);
    const auto z = start + way * (radius * part / way.norm().item().toDouble());
    EXPECT_LE(((theta - nearest) * (z - nearest)).sum().item().toDouble(), 1e-7);
    EXPECT_GE((theta - z).norm().item().toDouble(), distance - 1e-7);
  }
}

TEST(RadialProjection, MarsIsARescalingAndNotTheEuclideanProjection) {
  const RadialProjection mars(tensors_of({{"bias", {2}}}), RadialNorm::mars);
  const auto start = vector({0, 0}), theta = vector({3, 1});
  const auto scaled = projected(mars, theta, start, {2.0});
  EXPECT_LT((scaled - vector({1.5, 0.5})).abs().max().item().toDouble(), 1e-8);
  const auto nearer = vector({2, 0});
  EXPECT_GT(((theta - scaled) * (nearer - scaled)).sum().item().toDouble(), 0.4);
}

TEST(RadialProjection, MarsRowsAreThoseOfTheOutputs) {
  const auto tensors = five_tensors();
  EXPECT_EQ(row_dimension(tensors[0]), 1);
  for (const std::size_t k : {2, 3, 4}) EXPECT_EQ(row_dimension(tensors[k]), 0);
  const RadialProjection mars(tensors, RadialNorm::mars);
  const auto norms = mars.norms(at::ones({kSize}, at::kDouble), at::zeros({kSize}, at::kDouble));
  const auto rows = [&](std::size_t k) {
    const auto of_tensor = mars.rows_of(norms, k);
    return std::vector(of_tensor.begin(), of_tensor.end());
  };
  EXPECT_EQ(rows(0), std::vector(7, 5.0)) << "columns of [in, out]";
  EXPECT_EQ(rows(1), std::vector(1, 7.0)) << "a bias is one row";
  EXPECT_EQ(rows(2), std::vector(11, 3.0));
  EXPECT_EQ(rows(3), std::vector(2, 5.0));
  EXPECT_EQ(rows(4), std::vector(7, 2.0));
}

// What a linear layer of Δ adds to its output is at most γ times the largest entry of its input.
TEST(RadialProjection, MarsBoundsWhatALayerAddsToItsOutput) {
  const auto tensors = tensors_of({{"h.0.mlp.c_fc.weight", {5, 7}}});
  const RadialProjection mars(tensors, RadialNorm::mars);
  const auto start = normals(35, 1), theta = start + normals(35, 2);
  const double radius = 1.5;
  const auto delta = (projected(mars, theta, start, {radius}) - start).view({5, 7});
  double most = 0;
  for (std::int64_t out = 0; out < 7; ++out) {
    const auto worst_input = delta.select(1, out).sign();  // entries of ±1
    most = std::max(most, worst_input.matmul(delta).abs().max().item().toDouble());
  }
  EXPECT_NEAR(most, radius, 1e-7);
}

TEST(RadialProjection, SwappedRowsWouldShortenWhatIsInside) {
  const auto start = at::zeros({8}, at::kDouble), theta = at::ones({8}, at::kDouble);
  // Columns of [2, 4] have the norm 2, its rows 4: a radius of 3 lies between.
  const RadialProjection weight(tensors_of({{"h.0.attn.c_attn.weight", {2, 4}}}), RadialNorm::mars);
  EXPECT_TRUE(projected(weight, theta, start, {3.0}).equal(theta));
  const RadialProjection embedding(tensors_of({{"wpe.weight", {2, 4}}}), RadialNorm::mars);
  EXPECT_LT((projected(embedding, theta, start, {3.0}) - 0.75).abs().max().item().toDouble(), 1e-8);
}

TEST(RadialProjection, ProductsAreThoseOfTheRows) {
  const RadialProjection mars(tensors_of({{"h.0.attn.c_attn.weight", {2, 3}}}), RadialNorm::mars);
  const auto start = vector({1, 1, 1, 1, 1, 1}), theta = vector({2, 3, 4, 5, 6, 7});
  const auto gradient = vector({1, 10, 100, 1000, 10000, 100000});
  EXPECT_THAT(mars.products(gradient, theta, start), ElementsAre(4001, 50020, 600300));
}

TEST(RadialProjection, LongTensorsAreAddedUpInStretches) {
  const std::int64_t n = (std::int64_t{1} << 22) + 1000;
  const auto start = at::zeros({n}, at::kFloat), theta = at::ones({n}, at::kFloat);
  const RadialProjection l2(tensors_of({{"bias", {n}}}), RadialNorm::l2);
  EXPECT_THAT(l2.norms(theta, start), ElementsAre(std::sqrt(static_cast<double>(n))));
  for (const auto& [name, height] : {std::pair{"h.0.mlp.c_fc.weight", n / 4}, {"wte.weight", n / 4}}) {
    const RadialProjection mars(tensors_of({{name, {height, 4}}}), RadialNorm::mars);
    const auto norms = mars.norms(theta, start);
    const bool columns = norms.size() == 4;
    EXPECT_EQ(columns, std::string(name) == "h.0.mlp.c_fc.weight");
    for (const double norm : norms) ASSERT_EQ(norm, columns ? static_cast<double>(height) : 4.0);
  }
}

TEST(RadialProjection, RadiiBeginAtHalfOfTheLeastRowThatMoved) {
  const RadialProjection mars(tensors_of({{"wpe.weight", {3, 2}}, {"ln_f.bias", {2}}}), RadialNorm::mars);
  const auto start = at::zeros({8}, at::kDouble);
  const auto norms = mars.norms(vector({3, -1, 0, 0, 1, 1, 0, 0}), start);
  EXPECT_THAT(norms, ElementsAre(4, 0, 2, 0));
  EXPECT_THAT(mars.initial_radii(norms), ElementsAre(1, 0)) << "the row of position 1 never moved";
  EXPECT_THAT(mars.largest(norms), ElementsAre(4, 0));
  const RadialProjection l2(tensors_of({{"wpe.weight", {3, 2}}}), RadialNorm::l2);
  EXPECT_THAT(l2.initial_radii(l2.norms(vector({3, 0, 0, 4, 0, 0}), start.narrow(0, 0, 6))),
              ElementsAre(2.5));
}

TEST(RadialProjection, ExcludedTensorsKeepTheirBits) {
  const auto start = normals(kSize, 1), theta = start + normals(kSize, 2);
  const RadialProjection mars(five_tensors(), RadialNorm::mars, {"wte.weight", ".bias"});
  ASSERT_EQ(mars.tensors().size(), 3U);
  const auto moved = projected(mars, theta, start, std::vector(3, 1e-3));
  for (const TunedTensor& tensor : five_tensors()) {
    const bool excluded = tensor.name == "wte.weight" || tensor.name == "h.0.mlp.c_fc.bias";
    const auto part = [&](const at::Tensor& flat) { return flat.narrow(0, tensor.offset, tensor.size); };
    EXPECT_EQ(part(moved).equal(part(theta)), excluded) << tensor.name;
  }
}

TEST(RadialProjection, AnExclusionOfNothingIsNamed) {
  for (const char* exclusion : {"h.9.mlp.c_fc.weight", ""}) {
    try {
      const RadialProjection mars(five_tensors(), RadialNorm::mars, {".bias", exclusion});
      FAIL() << "expected an Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr(fmt::format("'{}'", exclusion)));
    }
  }
}

}  // namespace
}  // namespace lift
