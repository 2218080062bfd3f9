#include "tests/solvers/convex_problems.hpp"

#include <cmath>
#include <utility>

namespace lift::test {

double ConvexProblem::product(const std::vector<double>& m, int row, const std::vector<double>& w) {
  double sum = 0;
  for (int k = 0; k < kWeights; ++k) sum += m[row * kWeights + k] * w[k];
  return sum;
}

DenseMatrix ConvexProblem::hessian_of(const std::vector<double>& s, const std::vector<double>& lambda) const {
  DenseMatrix h{kWeights, std::vector<double>(kWeights * kWeights, 0.0)};
  for (int i = 0; i < kWeights; ++i) {
    h.entries[i * kWeights + i] = 2 * lambda[group_of(i)];
    for (int j = 0; j < kWeights; ++j)
      for (int r = 0; r < kRows; ++r)
        h.entries[i * kWeights + j] += x[r * kWeights + i] * s[r] * x[r * kWeights + j];
  }
  return h;
}

std::vector<double> ConvexProblem::transposed(const std::vector<double>& m, const std::vector<double>& r) {
  std::vector<double> sum(kWeights, 0.0);
  for (int k = 0; k < kWeights; ++k)
    for (int row = 0; row < kRows; ++row) sum[k] += m[row * kWeights + k] * r[row];
  return sum;
}

Instance ConvexProblem::instance_at(const std::vector<double>& w, DenseMatrix h22, std::vector<double> g) {
  Instance instance{std::move(h22), {{}, {}}, std::move(g), {1, 1}};
  for (int k = 0; k < kWeights; ++k)
    for (int group = 0; group < kGroups; ++group)
      instance.h21[group].push_back(group_of(k) == group ? 2 * w[k] : 0);
  return instance;
}

std::vector<double> Ridge::optimum(const std::vector<double>& lambda) const {
  return solve_dense(hessian_of(std::vector<double>(kRows, 1.0), lambda), 0, transposed(x, y));
}

double Ridge::validation_loss(const std::vector<double>& w) const {
  double loss = 0;
  for (int r = 0; r < kRows; ++r) loss += 0.5 * std::pow(product(xv, r, w) - yv[r], 2);
  return loss;
}

Instance Ridge::instance(const std::vector<double>& lambda) const {
  const auto w = optimum(lambda);
  std::vector<double> misfit;
  for (int r = 0; r < kRows; ++r) misfit.push_back(product(xv, r, w) - yv[r]);
  return instance_at(w, hessian_of(std::vector<double>(kRows, 1.0), lambda), transposed(xv, misfit));
}

std::vector<double> Logistic::signs(std::uint64_t seed) {
  auto values = normals(kRows, seed);
  for (double& value : values) value = value < 0 ? -1 : 1;
  return values;
}

Logistic::Slopes Logistic::slopes(const std::vector<double>& m, const std::vector<double>& labels,
                                  const std::vector<double>& w) {
  Slopes slopes;
  for (int r = 0; r < kRows; ++r) {
    const double wrong = 1 / (1 + std::exp(labels[r] * product(m, r, w)));  // probability of the other label
    slopes.first.push_back(-labels[r] * wrong);
    slopes.second.push_back(wrong * (1 - wrong));
  }
  return slopes;
}

std::vector<double> Logistic::optimum(const std::vector<double>& lambda) const {
  std::vector<double> w(kWeights, 0.0);
  for (int step = 0; step < 50; ++step) {
    const Slopes at = slopes(x, y, w);
    auto gradient = transposed(x, at.first);
    for (int k = 0; k < kWeights; ++k) gradient[k] += 2 * lambda[group_of(k)] * w[k];
    const auto change = solve_dense(hessian_of(at.second, lambda), 0, gradient);
    for (int k = 0; k < kWeights; ++k) w[k] -= change[k];
  }
  return w;
}

double Logistic::validation_loss(const std::vector<double>& w) const {
  double loss = 0;
  for (int r = 0; r < kRows; ++r) loss += std::log1p(std::exp(-yv[r] * product(xv, r, w)));
  return loss;
}

Instance Logistic::instance(const std::vector<double>& lambda) const {
  const auto w = optimum(lambda);
  return instance_at(w, hessian_of(slopes(x, y, w).second, lambda), transposed(xv, slopes(xv, yv, w).first));
}

}  // namespace lift::test
