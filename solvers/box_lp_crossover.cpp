#include "solvers/box_lp_crossover.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "mpi/collectives.hpp"
#include "solvers/box_lp_certificate.hpp"
#include "solvers/lp_tiles.hpp"
#include "solvers/purification.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift::box_lp {
namespace {

constexpr double kOnBound = 1e-6;  ///< of a bound, the distance at which a coordinate counts as on it
constexpr double kMostInside = 20000;
constexpr double kMostWork = 5e9;  ///< Σ m³ over the coordinates inside: some seconds
constexpr double kWorkASecond = 5e8;
constexpr double kOutside = 1e-9;  ///< of a bound: more than rounding

bool inside(double value, double bound) {
  return std::fabs(value) < bound * (1 - kOnBound);
}

/// Whether neither the cost nor a row depends on d_k.
bool is_inert(const LpShard& lp, std::size_t k) {
  if (lp.g[k] != 0) return false;
  for (int i = 0; i < lp.rows; ++i) {
    if (*lp.a.at(i, static_cast<std::int64_t>(k)) != 0) return false;
  }
  return true;
}

/// Numbers of all ranks' parts, joined in rank order on every rank.
std::vector<double> joined(std::span<const double> mine, const Communicator& comm) {
  const auto sizes = gather_values(static_cast<std::int64_t>(mine.size()), comm);
  std::int64_t total = 0, offset = 0;
  for (std::size_t rank = 0; rank < sizes.size(); ++rank) {
    if (static_cast<int>(rank) < comm.rank()) offset += sizes[rank];
    total += sizes[rank];
  }
  std::vector<double> all(static_cast<std::size_t>(total), 0.0);
  std::ranges::copy(mine, all.begin() + offset);
  sum_vector_over_ranks(all, comm);
  return all;
}

/// Σ over this rank's coordinates of a_ik d_k for every row.
std::vector<double> products(const LpShard& lp, std::span<const double> d) {
  std::vector<double> sums(static_cast<std::size_t>(lp.rows), 0.0);
  vectorised([&]() LIFT_LAMBDA {
    for_tiles(lp, [&](std::int64_t begin, int count)
                      LIFT_LAMBDA { add_products(lp, d.data() + begin, begin, count, sums.data()); });
  });
  return sums;
}

bool too_many_inside(const LpShard& lp, std::span<const double> d, double seconds) {
  std::int64_t count = 0;
  for (std::size_t k = 0; k < d.size(); ++k) count += inside(d[k], lp.u[k]) && !is_inert(lp, k) ? 1 : 0;
  const double most = std::min(kMostWork, kWorkASecond * seconds) / std::pow(lp.rows, 3);
  return static_cast<double>(sum_over_ranks(count, lp.comm)) > std::min(kMostInside, most);
}

/// A vertex while it is made.
class Maker {
 public:
  Maker(const LpShard& lp, std::span<const double> d) : lp_(lp), d_(d.begin(), d.end()) {
    for (std::size_t k = 0; k < d_.size(); ++k) {
      if (!inside(d_[k], lp.u[k])) {
        d_[k] = d_[k] == 0 ? 0 : std::copysign(lp.u[k], d_[k]);
      } else if (is_inert(lp, k)) {
        d_[k] = 0;
      } else {
        inside_.push_back(k);
      }
    }
  }

  [[nodiscard]] std::optional<Crossover> make(std::span<const double> y) {
    gather();
    const Vertex vertex = purify(program_, x_, b_);
    for (std::size_t j = 0; j < vertex.x.size(); ++j) {
      if (std::fabs(vertex.x[j]) > program_.u[j] * (1 + kOutside)) return std::nullopt;
    }
    scatter(vertex.x);
    Crossover answer{.d = std::move(d_),
                     .y = vertex_multipliers(program_, vertex.basis, {y.begin(), y.end()}),
                     .certificate = {},
                     .inside = 0};
    answer.certificate = verify(lp_, answer.d, answer.y).certificate;
    for (const int j : vertex.basis) {
      const auto at = static_cast<std::size_t>(j);
      answer.inside += at < coordinates_ && std::fabs(vertex.x[at]) < program_.u[at] ? 1 : 0;
    }
    return answer;
  }

 private:
  /// The columns inside, of all ranks, and what the others leave of A d = 0 for them.
  void gather() {
    std::vector<double> columns, g, u, x;
    for (const std::size_t k : inside_) {
      for (int i = 0; i < lp_.rows; ++i) columns.push_back(*lp_.a.at(i, static_cast<std::int64_t>(k)));
      g.push_back(lp_.g[k]);
      u.push_back(lp_.u[k]);
      x.push_back(d_[k]);
      d_[k] = 0;
    }
    b_ = products(lp_, d_);
    sum_vector_over_ranks(b_, lp_.comm);
    for (double& entry : b_) entry = -entry;
    program_ = {.rows = lp_.rows,
                .columns = joined(columns, lp_.comm),
                .g = joined(g, lp_.comm),
                .u = joined(u, lp_.comm)};
    x_ = joined(x, lp_.comm);
    coordinates_ = x_.size();
    if (!lp_.tau.empty()) add_relaxation();
  }

  /// A d as unknowns: those at a bound join b, the others the columns.
  void add_relaxation() {
    std::vector<double> s(b_.size());
    for (std::size_t i = 0; i < s.size(); ++i) {
      s[i] = -b_[i];
      for (std::size_t j = 0; j < coordinates_; ++j) s[i] += program_.column(static_cast<int>(j))[i] * x_[j];
    }
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (!inside(s[i], lp_.tau[i])) {
        b_[i] += std::copysign(lp_.tau[i], s[i]);
        continue;
      }
      for (std::size_t l = 0; l < s.size(); ++l) program_.columns.push_back(l == i ? -1 : 0);
      program_.g.push_back(0);
      program_.u.push_back(lp_.tau[i]);
      x_.push_back(s[i]);
    }
  }

  void scatter(const std::vector<double>& x) {
    const auto counts = gather_values(static_cast<std::int64_t>(inside_.size()), lp_.comm);
    std::size_t at = 0;
    for (int rank = 0; rank < lp_.comm.rank(); ++rank)
      at += static_cast<std::size_t>(counts[static_cast<std::size_t>(rank)]);
    for (const std::size_t k : inside_) {
      d_[k] = std::clamp(x[at], -lp_.u[k], lp_.u[k]);
      ++at;
    }
  }

  const LpShard& lp_;
  std::vector<double> d_;
  std::vector<std::size_t> inside_;  ///< of this rank
  DenseColumns program_;
  std::vector<double> x_, b_;
  std::size_t coordinates_ = 0;  ///< columns of program_ that are coordinates
};

}  // namespace

std::optional<Crossover> cross_over(const LpShard& lp, std::span<const double> d, std::span<const double> y,
                                    double seconds) {
  if (lp.rows == 0 || too_many_inside(lp, d, seconds)) return std::nullopt;
  return Maker(lp, d).make(y);
}

}  // namespace lift::box_lp
