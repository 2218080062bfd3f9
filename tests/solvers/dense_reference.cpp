#include "tests/solvers/dense_reference.hpp"

#include <cmath>
#include <span>
#include <utility>

#include "mpi/philox.hpp"

namespace lift::test {
namespace {

using Row = std::vector<long double>;

long double product(const Row& x, const Row& y) {
  long double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += x[k] * y[k];
  return sum;
}

void normalise(Row& x) {
  const long double norm = std::sqrt(product(x, x));
  if (norm == 0) return;
  for (auto& entry : x) entry /= norm;
}

/// Twice, and with every row anew.
void orthogonalise(Row& x, const std::vector<Row>& basis) {
  for (int round = 0; round < 2; ++round) {
    for (const auto& b : basis) {
      const long double part = product(b, x);
      for (std::size_t k = 0; k < x.size(); ++k) x[k] -= part * b[k];
    }
  }
}

}  // namespace

std::vector<double> DenseMatrix::times(const std::vector<double>& x) const {
  std::vector<double> y(x.size(), 0.0);
  for (std::int64_t i = 0; i < size; ++i)
    for (std::int64_t j = 0; j < size; ++j) y[i] += at(i, j) * x[j];
  return y;
}

DenseMatrix with_spectrum(const std::vector<double>& eigenvalues, std::uint64_t seed) {
  const auto n = static_cast<std::int64_t>(eigenvalues.size());
  const Philox philox(seed, RandomStream::test);
  std::vector<Row> q;
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<double> normals(n);
    philox.normals(i, 0, std::span<double>(normals));
    Row row(normals.begin(), normals.end());
    orthogonalise(row, q);
    normalise(row);
    q.push_back(row);
  }
  DenseMatrix matrix{n, std::vector<double>(n * n)};
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      long double sum = 0;
      for (std::int64_t k = 0; k < n; ++k) sum += q[k][i] * eigenvalues[k] * q[k][j];
      matrix.entries[i * n + j] = static_cast<double>(sum);
    }
  }
  return matrix;
}

std::vector<double> solve_dense(const DenseMatrix& matrix, double mu, const std::vector<double>& b) {
  const auto n = matrix.size;
  std::vector<Row> t(n, Row(n + 1));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) t[i][j] = matrix.at(i, j) + (i == j ? mu : 0.0L);
    t[i][n] = b[i];
  }
  for (std::int64_t p = 0; p < n; ++p) {
    for (std::int64_t i = p + 1; i < n; ++i)
      if (std::fabs(t[i][p]) > std::fabs(t[p][p])) std::swap(t[i], t[p]);
    for (std::int64_t i = 0; i < n; ++i) {
      const long double factor = i == p ? 0 : t[i][p] / t[p][p];
      for (std::int64_t j = p; j <= n; ++j) t[i][j] -= factor * t[p][j];
    }
  }
  std::vector<double> x(n);
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<double>(t[i][n] / t[i][i]);
  return x;
}

std::vector<double> project_off_dense(const std::vector<double>& rows, std::vector<double> v) {
  std::vector<Row> basis;
  for (std::size_t begin = 0; begin < rows.size(); begin += v.size()) {
    Row row(rows.begin() + static_cast<std::ptrdiff_t>(begin),
            rows.begin() + static_cast<std::ptrdiff_t>(begin + v.size()));
    normalise(row);
    orthogonalise(row, basis);
    if (!(std::sqrt(product(row, row)) > 1e-10L)) continue;
    normalise(row);
    orthogonalise(row, basis);
    normalise(row);
    basis.push_back(row);
  }
  Row rest(v.begin(), v.end());
  orthogonalise(rest, basis);
  for (std::size_t k = 0; k < v.size(); ++k) v[k] = static_cast<double>(rest[k]);
  return v;
}

double dot_dense(const std::vector<double>& x, const std::vector<double>& y) {
  return static_cast<double>(product(Row(x.begin(), x.end()), Row(y.begin(), y.end())));
}

}  // namespace lift::test
