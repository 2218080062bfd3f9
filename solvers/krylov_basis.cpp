#include "solvers/krylov_basis.hpp"

#include <algorithm>
#include <cmath>

#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

/// Part of what a head came from below which it is rounding.
constexpr double kClosed = 1e-12;

}  // namespace

BlockOperator one_by_one(const SymmetricOperator& h) {
  return [&h](std::span<const std::span<const double>> x, std::span<const std::span<double>> y) {
    for (std::size_t j = 0; j < x.size(); ++j) h(x[j], y[j]);
  };
}

KrylovBasis::KrylovBasis(const BlockOperator& h, const ShardMap& layout, const Communicator& comm)
    : h_(h), layout_(layout), comm_(comm) {}

int KrylovBasis::start(std::span<const double> b) {
  Chain chain;
  chain.head.assign(b.begin(), b.end());
  chain.length = norm2(b, comm_);
  chain.b = orthogonalise(chain.head, u_, comm_);
  const double rest = norm2(chain.head, comm_);
  chain.norm = rest > kClosed * chain.length ? rest : 0;
  if (chain.norm == 0) std::ranges::fill(chain.head, 0.0);
  chains_.push_back(std::move(chain));
  refresh();
  return static_cast<int>(chains_.size()) - 1;
}

/// The head joins U; false where nothing of it is new.
bool KrylovBasis::join(int number) {
  Chain& chain = chains_[number];
  if (chain.norm == 0) return false;
  const auto again = orthogonalise(chain.head, u_, comm_);
  const double norm = norm2(chain.head, comm_);
  const double from = chain.end < 0 ? chain.length : scale_;
  if (chain.end < 0) axpy(1, again, chain.b);
  if (norm <= kClosed * from) {
    chain.norm = 0;
    std::ranges::fill(chain.head, 0.0);
    return false;
  }
  std::vector<double> u = chain.head;
  scale(1 / norm, u);
  for (Chain& other : chains_) {
    double part = 0;
    if (&other != &chain && other.norm > 0) {
      part = dot(u, other.head, comm_);
      axpy(-part, u, other.head);
    }
    if (&other == &chain) part = norm;
    other.b.push_back(other.end < 0 ? part : 0);
  }
  u_.push_back(std::move(u));
  t_.emplace_back(u_.size(), 0.0);
  chain.end = size() - 1;
  return true;
}

/// Column `at` of T. Of two vectors that joined together, from `together` on, either product has the entry:
/// its mean is taken.
void KrylovBasis::add_column(int at, int together, std::span<const double> column) {
  for (int i = 0; i < size(); ++i) {
    double& entry = i <= at ? t_[at][i] : t_[i][at];
    entry = i >= together && i < at ? 0.5 * (entry + column[i]) : column[i];
    scale_ = std::max(scale_, std::fabs(column[i]));
  }
}

bool KrylovBasis::grow(std::span<const int> chains) {
  std::vector<int> joined;
  for (const int chain : chains)
    if (join(chain)) joined.push_back(chain);
  if (joined.empty()) {
    refresh();
    return true;
  }
  std::vector<std::span<const double>> x;
  std::vector<std::span<double>> y;
  for (const int chain : joined) {
    x.emplace_back(u_[chains_[chain].end]);
    y.emplace_back(chains_[chain].head);
  }
  h_(x, y);
  products_ += std::ssize(joined);
  bool finite = true;
  for (const int number : joined) {
    Chain& chain = chains_[number];
    const auto column = orthogonalise(chain.head, u_, comm_);
    add_column(chain.end, chains_[joined.front()].end, column);
    chain.norm = norm2(chain.head, comm_);
    finite = finite && std::isfinite(chain.norm) && std::isfinite(scale_);
  }
  if (!finite) return false;
  for (const int number : joined) {
    Chain& chain = chains_[number];
    scale_ = std::max(scale_, chain.norm);
    if (chain.norm > kClosed * scale_) continue;
    chain.norm = 0;
    std::ranges::fill(chain.head, 0.0);
  }
  refresh();
  return true;
}

/// The heads' Gram matrix and the eigenpairs of T.
void KrylovBasis::refresh() {
  const std::size_t m = chains_.size();
  gram_.assign(m * m, 0.0);
  for (std::size_t c = 0; c < m; ++c)
    for (std::size_t d = 0; d <= c; ++d)
      if (chains_[c].norm > 0 && chains_[d].norm > 0)
        gram_[c * m + d] = dot(chains_[c].head, chains_[d].head);
  sum_vector_over_ranks(gram_, comm_);
  for (std::size_t c = 0; c < m; ++c) {
    for (std::size_t d = 0; d < c; ++d) gram_[d * m + c] = gram_[c * m + d];
    if (chains_[c].norm > 0) chains_[c].norm = std::sqrt(gram_[c * m + c]);
  }
  const int k = size();
  if (static_cast<int>(ritz_.values.size()) == k) return;
  std::vector<double> matrix(static_cast<std::size_t>(k) * k);
  for (int i = 0; i < k; ++i)
    for (int j = 0; j < k; ++j) matrix[i * k + j] = entry(i, j);
  ritz_ = symmetric_eigen(std::move(matrix), k);
}

double KrylovBasis::ritz_residual(int i) const {
  const std::size_t k = u_.size(), m = chains_.size();
  double square = 0;
  for (std::size_t c = 0; c < m; ++c) {
    for (std::size_t d = 0; d < m; ++d) {
      if (chains_[c].end < 0 || chains_[d].end < 0) continue;
      square +=
          gram_[c * m + d] * ritz_.vectors[i * k + chains_[c].end] * ritz_.vectors[i * k + chains_[d].end];
    }
  }
  return std::sqrt(std::max(0.0, square));
}

std::vector<double> KrylovBasis::function(const std::function<double(double)>& f, int chain) const {
  const std::size_t k = u_.size();
  std::vector<double> y(k, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    const auto s = std::span(ritz_.vectors).subspan(i * k, k);
    axpy(f(ritz_.values[i]) * dot(s, chains_[chain].b), s, y);
  }
  return y;
}

/// What each head stands with in b_c − (H + μ)Uy.
std::vector<double> KrylovBasis::head_weights(std::span<const double> y, int chain) const {
  std::vector<double> weights(chains_.size(), 0.0);
  for (std::size_t c = 0; c < chains_.size(); ++c) {
    if (chains_[c].end >= 0) weights[c] = -y[chains_[c].end];
    if (chains_[c].end < 0 && static_cast<int>(c) == chain) weights[c] = 1;
  }
  return weights;
}

double KrylovBasis::residual(std::span<const double> y, int chain) const {
  const auto weights = head_weights(y, chain);
  const std::size_t m = chains_.size();
  double square = 0;
  for (std::size_t c = 0; c < m; ++c)
    for (std::size_t d = 0; d < m; ++d) square += weights[c] * weights[d] * gram_[c * m + d];
  return std::sqrt(std::max(0.0, square));
}

int KrylovBasis::largest_part(std::span<const double> y, int chain) const {
  const auto weights = head_weights(y, chain);
  int largest = -1;
  double most = 0;
  for (std::size_t c = 0; c < chains_.size(); ++c) {
    const double part = std::fabs(weights[c]) * chains_[c].norm;
    if (part > most) {
      most = part;
      largest = static_cast<int>(c);
    }
  }
  return largest;
}

std::vector<double> KrylovBasis::residual_vector(std::span<const double> y, int chain) const {
  const auto weights = head_weights(y, chain);
  std::vector<double> r(static_cast<std::size_t>(layout_.size(comm_.rank())), 0.0);
  for (std::size_t c = 0; c < chains_.size(); ++c) axpy(weights[c], chains_[c].head, r);
  return r;
}

std::vector<double> KrylovBasis::expand(std::span<const double> y) const {
  std::vector<double> x(static_cast<std::size_t>(layout_.size(comm_.rank())), 0.0);
  for (std::size_t i = 0; i < u_.size(); ++i) axpy(y[i], u_[i], x);
  return x;
}

void KrylovBasis::deflate(double mu, std::span<const double> r, std::span<double> z) const {
  const std::size_t k = u_.size(), m = chains_.size();
  std::vector<double> sums;
  for (const auto& u : u_) sums.push_back(dot(u, r));
  for (const Chain& chain : chains_) sums.push_back(chain.end < 0 ? 0 : dot(chain.head, r));
  sum_vector_over_ranks(sums, comm_);
  const auto inside = std::span(sums).first(k);
  auto y = solve_projected(mu, inside);

  // s = Pr = r − (H + μ)U y, ⊥ U, and hᵀs of the heads.
  std::ranges::copy(r, z.begin());
  std::vector<double> of_heads(k, 0.0);
  for (std::size_t c = 0; c < m; ++c) {
    if (chains_[c].end < 0) continue;
    axpy(-y[chains_[c].end], chains_[c].head, z);
    of_heads[chains_[c].end] = sums[k + c];
    for (std::size_t d = 0; d < m; ++d)
      if (chains_[d].end >= 0) of_heads[chains_[c].end] -= gram_[c * m + d] * y[chains_[d].end];
  }
  axpy(-1, solve_projected(mu, of_heads), y);
  for (std::size_t i = 0; i < k; ++i) axpy(y[i] - inside[i], u_[i], z);
}

/// (T + μ)⁻¹ b.
std::vector<double> KrylovBasis::solve_projected(double mu, std::span<const double> b) const {
  const std::size_t k = u_.size();
  std::vector<double> y(k, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    const auto s = std::span(ritz_.vectors).subspan(i * k, k);
    axpy(dot(s, b) / (ritz_.values[i] + mu), s, y);
  }
  return y;
}

}  // namespace lift
