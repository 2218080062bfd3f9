#include "solvers/purification.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lift {
namespace {

constexpr double kIndependent = 1e-9;  ///< part of a column's length that is left of it, or it is dependent
constexpr double kNoPivot = 1e-11;     ///< of a column in the basis, beside the largest

double dot(const double* a, const double* b, int size) {
  double sum = 0;
  for (int i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

/// Independent columns B with B⁺ = R⁻¹Qᵀ.
class Basis {
 public:
  Basis(const DenseColumns& program, std::vector<int> columns)
      : program_(program), columns_(std::move(columns)) {
    factor();
  }
  [[nodiscard]] const std::vector<int>& columns() const { return columns_; }
  /// B⁺ v
  [[nodiscard]] std::vector<double> coefficients(const double* v) const {
    std::vector<double> z(columns_.size());
    for (std::size_t i = 0; i < z.size(); ++i) z[i] = dot(q_.data() + i * m(), v, program_.rows);
    for (std::size_t i = z.size(); i-- > 0;) {
      for (std::size_t k = i + 1; k < z.size(); ++k) z[i] -= r(i, k) * z[k];
      z[i] /= r(i, i);
    }
    return z;
  }
  /// (B⁺)ᵀ c
  [[nodiscard]] std::vector<double> transposed(std::vector<double> c) const {
    std::vector<double> y(m(), 0.0);
    for (std::size_t i = 0; i < c.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) c[i] -= r(k, i) * c[k];
      c[i] /= r(i, i);
      for (std::size_t l = 0; l < m(); ++l) y[l] += c[i] * q_[i * m() + l];
    }
    return y;
  }
  void replace(std::size_t place, int column) {
    columns_[place] = column;
    factor();
  }

 private:
  [[nodiscard]] std::size_t m() const { return static_cast<std::size_t>(program_.rows); }
  [[nodiscard]] double r(std::size_t i, std::size_t k) const { return r_[i * columns_.size() + k]; }

  /// Gram–Schmidt, twice.
  void factor() {
    const std::size_t size = columns_.size();
    q_.assign(size * m(), 0.0);
    r_.assign(size * size, 0.0);
    for (std::size_t k = 0; k < size; ++k) {
      double* q = q_.data() + k * m();
      std::copy_n(program_.column(columns_[k]), m(), q);
      for (int pass = 0; pass < 2; ++pass) {
        for (std::size_t i = 0; i < k; ++i) {
          const double part = dot(q_.data() + i * m(), q, program_.rows);
          r_[i * size + k] += part;
          for (std::size_t l = 0; l < m(); ++l) q[l] -= part * q_[i * m() + l];
        }
      }
      const double length = std::sqrt(dot(q, q, program_.rows));
      r_[k * size + k] = length;
      for (std::size_t l = 0; l < m(); ++l) q[l] /= length;
    }
  }

  const DenseColumns& program_;
  std::vector<int> columns_;
  std::vector<double> q_;  ///< orthonormal columns, one after the other
  std::vector<double> r_;
};

/// Independent columns, those that are long and far from their bounds first.
std::vector<int> first_basis(const DenseColumns& program, const std::vector<double>& x) {
  const auto m = static_cast<std::size_t>(program.rows);
  std::vector<double> left(program.columns.size()), length(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double room = program.u[j] - std::fabs(x[j]);
    for (std::size_t i = 0; i < m; ++i) left[j * m + i] = room * program.column(static_cast<int>(j))[i];
    length[j] = std::sqrt(dot(&left[j * m], &left[j * m], program.rows));
  }
  std::vector<int> basis;
  while (basis.size() < std::min(m, x.size())) {
    std::size_t best = x.size();
    double most = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double now = std::sqrt(dot(&left[j * m], &left[j * m], program.rows));
      if (now > most && now > kIndependent * length[j]) best = j, most = now;
    }
    if (best == x.size()) break;
    basis.push_back(static_cast<int>(best));
    std::vector<double> q(left.begin() + static_cast<std::ptrdiff_t>(best * m),
                          left.begin() + static_cast<std::ptrdiff_t>((best + 1) * m));
    for (double& entry : q) entry /= most;
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double part = dot(q.data(), &left[j * m], program.rows);
      for (std::size_t i = 0; i < m; ++i) left[j * m + i] -= part * q[i];
    }
    std::fill_n(left.begin() + static_cast<std::ptrdiff_t>(best * m), m, 0.0);
  }
  return basis;
}

/// How far x may go by `pace` before it is at a bound.
double room(double x, double u, double pace) {
  if (pace == 0) return std::numeric_limits<double>::infinity();
  return std::max(0.0, (pace > 0 ? u - x : u + x) / std::fabs(pace));
}

/// Moves column j to a bound, or into the basis in the place of one that has come to its own.
void push(const DenseColumns& program, int j, Basis& basis, std::vector<double>& x) {
  const auto z = basis.coefficients(program.column(j));
  double reduced_cost = program.g[static_cast<std::size_t>(j)], largest = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    reduced_cost -= program.g[static_cast<std::size_t>(basis.columns()[i])] * z[i];
    largest = std::max(largest, std::fabs(z[i]));
  }
  const double way = reduced_cost > 0 ? -1 : 1;
  const auto of = [&](std::vector<double>& v, int column) -> double& {
    return v[static_cast<std::size_t>(column)];
  };
  double step = room(of(x, j), program.u[static_cast<std::size_t>(j)], way);
  std::size_t leaves = z.size();
  for (std::size_t i = 0; i < z.size(); ++i) {
    if (std::fabs(z[i]) <= kNoPivot * largest) continue;
    const int member = basis.columns()[i];
    const double limit = room(of(x, member), program.u[static_cast<std::size_t>(member)], -way * z[i]);
    if (limit < step) step = limit, leaves = i;
  }
  of(x, j) += way * step;
  for (std::size_t i = 0; i < z.size(); ++i) of(x, basis.columns()[i]) -= way * step * z[i];
  if (leaves == z.size()) {
    of(x, j) = std::copysign(program.u[static_cast<std::size_t>(j)], way);
    return;
  }
  const int member = basis.columns()[leaves];
  of(x, member) = std::copysign(program.u[static_cast<std::size_t>(member)], -way * z[leaves]);
  basis.replace(leaves, j);
}

}  // namespace

Vertex purify(const DenseColumns& program, std::vector<double> x, const std::vector<double>& b) {
  Basis basis(program, first_basis(program, x));
  const std::vector<int> first = basis.columns();
  for (int j = 0; j < program.count(); ++j) {
    if (std::ranges::count(first, j) == 0) push(program, j, basis, x);
  }
  std::vector<double> left = b;
  for (int j = 0; j < program.count(); ++j) {
    if (std::ranges::count(basis.columns(), j) > 0) continue;
    for (int i = 0; i < program.rows; ++i)
      left[static_cast<std::size_t>(i)] -= program.column(j)[i] * x[static_cast<std::size_t>(j)];
  }
  const auto settled = basis.coefficients(left.data());
  for (std::size_t i = 0; i < settled.size(); ++i)
    x[static_cast<std::size_t>(basis.columns()[i])] = settled[i];
  return {.x = std::move(x), .basis = basis.columns()};
}

std::vector<double> vertex_multipliers(const DenseColumns& program, const std::vector<int>& basis,
                                       std::vector<double> y) {
  std::vector<double> reduced_costs;
  for (const int j : basis)
    reduced_costs.push_back(program.g[static_cast<std::size_t>(j)] -
                            dot(program.column(j), y.data(), program.rows));
  const auto change = Basis(program, basis).transposed(std::move(reduced_costs));
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += change[i];
  return y;
}

}  // namespace lift
