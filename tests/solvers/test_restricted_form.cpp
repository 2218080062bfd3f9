#include "solvers/restricted_form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/solvers/sharded_operator.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

using testing::DoubleNear;
using testing::HasSubstr;
using testing::Pointwise;

/// Gram matrix of `vectors` and their form with H, row-major.
struct Forms {
  std::vector<double> gram, form;
};

Forms forms_of(const test::DenseMatrix& h, const std::vector<std::vector<double>>& vectors) {
  Forms forms;
  for (const auto& x : vectors) {
    for (const auto& y : vectors) {
      forms.gram.push_back(test::dot_dense(x, y));
      forms.form.push_back(test::dot_dense(x, h.times(y)));
    }
  }
  return forms;
}

std::vector<std::vector<double>> random_vectors(int m, int n) {
  std::vector<std::vector<double>> vectors;
  for (int i = 0; i < m; ++i) vectors.push_back(test::normals(static_cast<std::size_t>(n), 100 + i));
  return vectors;
}

RestrictedForm of(const Forms& forms, double eps = 1e-16) {
  return restricted_form(forms.gram, forms.form, eps);
}

TEST(RestrictedForm, OfAWholeBasisIsTheSpectrum) {
  const std::vector<double> eigenvalues{-3, -1, -0.5, 0.25, 1, 2, 4, 9};
  const auto found = of(forms_of(test::with_spectrum(eigenvalues, 3), random_vectors(8, 8)));
  EXPECT_THAT(found.ritz_values, Pointwise(DoubleNear(1e-9), eigenvalues));
  EXPECT_LT(found.asymmetry, 1e-14);
  EXPECT_EQ(found.vectors, 8);
}

TEST(RestrictedForm, LiesWithinTheSpectrumAndInterlaces) {
  const auto eigenvalues = test::geometric(40, 0.1, 10);
  auto shifted = eigenvalues;
  for (double& value : shifted) value -= 1;
  const auto h = test::with_spectrum(shifted, 3);
  for (const int m : {1, 2, 5, 39}) {
    const auto found = of(forms_of(h, random_vectors(m, 40)));
    ASSERT_EQ(found.ritz_values.size(), static_cast<std::size_t>(m));
    for (int i = 0; i < m; ++i) {
      EXPECT_GE(found.ritz_values[i], shifted[i] - 1e-9);
      EXPECT_LE(found.ritz_values[i], shifted[40 - m + i] + 1e-9);
    }
    EXPECT_LE(found.inertia.negative, 20);
  }
}

TEST(RestrictedForm, VectorsThatDependOnOthersAddNothing) {
  const auto h = test::with_spectrum({-2, -1, 1, 2, 3}, 3);
  auto vectors = random_vectors(3, 5);
  const auto plain = of(forms_of(h, vectors));
  vectors.push_back(vectors[0]);
  for (std::size_t k = 0; k < 5; ++k) vectors[3][k] = 2 * vectors[0][k] - vectors[2][k];
  vectors.push_back(vectors[1]);
  const auto found = of(forms_of(h, vectors));
  EXPECT_THAT(found.ritz_values, Pointwise(DoubleNear(1e-9), plain.ritz_values));
  EXPECT_LE(found.inertia.negative, 2);
  const auto many = of(forms_of(h, random_vectors(9, 5)));  // more than coordinates
  EXPECT_THAT(many.ritz_values, Pointwise(DoubleNear(1e-8), std::vector<double>{-2, -1, 1, 2, 3}));
  EXPECT_EQ(many.inertia.negative, 2);
}

TEST(RestrictedForm, ItsAsymmetryIsTheNoiseThatACountIsHeldTo) {
  const auto h = test::with_spectrum({-1, 2, 3, 4}, 3);
  auto forms = forms_of(h, random_vectors(4, 4));
  EXPECT_EQ(of(forms).inertia.negative, 1);
  EXPECT_THAT(of(forms).message, HasSubstr("definiteness fails, at least 1 negative eigenvalue"));
  const double lengths = std::sqrt(forms.gram[0] * forms.gram[5]);
  forms.form[1] += 0.5 * lengths;
  const auto wrong = of(forms);
  EXPECT_NEAR(wrong.asymmetry, 0.5, 1e-12);
  EXPECT_NEAR(wrong.noise, 5, 1e-11);
  EXPECT_EQ(wrong.inertia.negative, 0) << "the same curvature within that noise";
  EXPECT_THAT(wrong.message, HasSubstr("is not refuted"));
  EXPECT_EQ(of(forms_of(h, random_vectors(4, 4)), 0.1).inertia.negative, 0) << "rounding of 0.1";
}

TEST(RestrictedForm, OfALanczosRunIsItsTridiagonal) {
  const auto self = Communicator::self();
  const auto h = test::with_spectrum({-3, -1, -0.5, 0.25, 1, 2, 4, 9}, 3);
  test::ShardedOperator sharded(h, self);
  LanczosOptions options;
  options.steps = 5;
  const auto found = lanczos(sharded.callable(), test::normals(8, 4), sharded.layout(), self, options);
  const auto by_lanczos = restricted_form(found, 1e-16), by_forms = of(forms_of(h, found.basis));
  EXPECT_EQ(by_lanczos.vectors, 5);
  EXPECT_THAT(by_lanczos.ritz_values, Pointwise(DoubleNear(1e-11), by_forms.ritz_values));
  EXPECT_EQ(by_lanczos.inertia.negative, by_forms.inertia.negative);
  EXPECT_GE(by_lanczos.inertia.negative, 1);
}

}  // namespace
}  // namespace lift
