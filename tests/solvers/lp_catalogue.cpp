#include "tests/solvers/lp_catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "mpi/philox.hpp"

namespace lift::test {
namespace {

/// Numbers of one instance, drawn one after the other.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : philox_(seed, RandomStream::test) {}
  double uniform() { return philox_.uniform(0, next_++); }
  double normal() {
    double value = 0;
    philox_.normals(1, next_++, {&value, 1});
    return value;
  }
  /// 10^e with e uniform in [low, high].
  double power(double low, double high) { return std::pow(10.0, low + (high - low) * uniform()); }
  double cauchy() { return std::tan(3.141592653589793 * (uniform() - 0.5)); }

 private:
  Philox philox_;
  std::uint64_t next_ = 0;
};

double* row(DenseLp& lp, int i) {
  return lp.a.data() + i * lp.coordinates;
}

DenseLp closed(const std::string& name, int rows, std::vector<double> a, std::vector<double> g,
               std::vector<double> u, double optimum) {
  const auto coordinates = static_cast<std::int64_t>(g.size());
  return {name, rows, coordinates, std::move(a), std::move(g), std::move(u), optimum};
}

DenseLp dependent_rows() {
  auto lp = gaussian("dependent rows", 8, 300, 11);
  for (std::int64_t k = 0; k < lp.coordinates; ++k) {
    row(lp, 3)[k] = row(lp, 0)[k];
    row(lp, 5)[k] = 2 * row(lp, 1)[k] - 0.5 * row(lp, 2)[k];
    row(lp, 7)[k] = 1e6 * (row(lp, 0)[k] + row(lp, 6)[k]);
  }
  return lp;
}

DenseLp nearly_dependent_rows() {
  auto lp = gaussian("nearly dependent rows", 6, 200, 12);
  for (std::int64_t k = 0; k < lp.coordinates; ++k) row(lp, 4)[k] = row(lp, 0)[k] + 1e-7 * row(lp, 4)[k];
  return lp;
}

DenseLp zero_rows() {
  auto lp = gaussian("zero rows", 6, 250, 13);
  std::fill_n(row(lp, 0), lp.coordinates, 0.0);
  std::fill_n(row(lp, 4), lp.coordinates, 0.0);
  return lp;
}

DenseLp only_zero_rows() {
  auto lp = gaussian("only zero rows", 3, 40, 14);
  std::fill(lp.a.begin(), lp.a.end(), 0.0);
  double sum = 0;
  for (const double g : lp.g) sum += std::fabs(g);
  lp.optimum = -sum;
  return lp;
}

DenseLp fixed_coordinates() {
  auto lp = gaussian("fixed coordinates", 5, 200, 15);
  for (std::int64_t k = 0; k < lp.coordinates; k += 3) lp.u[k] = 0;
  return lp;
}

DenseLp row_live_on_fixed_coordinates() {
  auto lp = gaussian("a row that lives on fixed coordinates", 4, 120, 16);
  for (std::int64_t k = 0; k < lp.coordinates; ++k) {
    if (k < 30) lp.u[k] = 0;
    if (k >= 30) row(lp, 2)[k] = 0;
  }
  return lp;
}

DenseLp all_fixed() {
  auto lp = gaussian("all coordinates fixed", 3, 20, 17);
  std::fill(lp.u.begin(), lp.u.end(), 0.0);
  lp.optimum = 0;
  return lp;
}

/// g = Aᵀy: every feasible d has gᵀd = yᵀAd = 0.
DenseLp cost_in_row_space() {
  auto lp = gaussian("cost in the row space", 4, 150, 18);
  std::fill(lp.g.begin(), lp.g.end(), 0.0);
  for (int i = 0; i < lp.rows; ++i) {
    for (std::int64_t k = 0; k < lp.coordinates; ++k) lp.g[k] += (i - 1.5) * row(lp, i)[k];
  }
  lp.optimum = 0;
  return lp;
}

DenseLp zero_cost() {
  auto lp = gaussian("zero cost", 4, 100, 19);
  std::fill(lp.g.begin(), lp.g.end(), 0.0);
  lp.optimum = 0;
  return lp;
}

DenseLp cost_on_fixed_coordinates() {
  auto lp = gaussian("cost on fixed coordinates only", 3, 60, 20);
  for (std::int64_t k = 0; k < lp.coordinates; ++k) (k < 10 ? lp.u[k] : lp.g[k]) = 0;
  lp.optimum = 0;
  return lp;
}

/// More rows than coordinates: A has full column rank and d = 0 is all there is.
DenseLp fewer_coordinates_than_rows() {
  auto lp = gaussian("fewer coordinates than rows", 16, 5, 21);
  lp.optimum = 0;
  return lp;
}

DenseLp fewer_coordinates_low_rank() {
  auto lp = gaussian("fewer coordinates than rows, rank 2", 12, 6, 22);
  for (int i = 2; i < lp.rows; ++i) {
    for (std::int64_t k = 0; k < lp.coordinates; ++k) {
      row(lp, i)[k] = (i + 1) * row(lp, 0)[k] - std::sqrt(i) * row(lp, 1)[k];
    }
  }
  return lp;
}

DenseLp ten_orders() {
  auto lp = gaussian("entries, costs and boxes over 10 orders of magnitude", 8, 400, 23);
  Draw draw(230);
  for (double& a : lp.a) a *= draw.power(-5, 5);
  for (double& g : lp.g) g *= draw.power(-5, 5);
  for (double& u : lp.u) u = draw.power(-4, 2);
  return lp;
}

DenseLp scaled_rows_and_columns() {
  auto lp = gaussian("rows and columns scaled over 10 orders of magnitude", 10, 500, 24);
  Draw draw(240);
  for (int i = 0; i < lp.rows; ++i) {
    const double scale = draw.power(-10, 10);
    for (std::int64_t k = 0; k < lp.coordinates; ++k) row(lp, i)[k] *= scale;
  }
  for (std::int64_t k = 0; k < lp.coordinates; ++k) {
    const double scale = draw.power(-5, 5);
    for (int i = 0; i < lp.rows; ++i) row(lp, i)[k] *= scale;
    lp.g[k] *= scale * draw.power(-1, 1);
    lp.u[k] = 1 / scale;
  }
  return lp;
}

/// Entries −1, 0, 1 and costs 0, ±1: many ties, vertices where more bounds are active than needed.
DenseLp degenerate() {
  auto lp = gaussian("degenerate", 10, 300, 27);
  Draw draw(270);
  for (double& a : lp.a) a = std::floor(3 * draw.uniform()) - 1;
  for (double& g : lp.g) g = std::floor(3 * draw.uniform()) - 1;
  return lp;
}

/// Pairs of equal columns with opposite costs: the optimum is a vertex at which every row has slack columns
/// at both bounds and none inside.
DenseLp all_at_bounds() {
  DenseLp lp{"no coordinate inside its box at the optimum", 4, 80, {}, {}, {}, -80.0};
  lp.a.assign(4 * 80, 0.0);
  Draw draw(28);
  for (std::int64_t k = 0; k < 80; k += 2) {
    for (int i = 0; i < 4; ++i) row(lp, i)[k] = row(lp, i)[k + 1] = draw.normal();
    lp.g.insert(lp.g.end(), {1.0, -1.0});
  }
  lp.u.assign(80, 1.0);
  return lp;
}

DenseLp mixed_boxes() {
  auto lp = gaussian("few wide boxes among narrow ones", 16, 2000, 29);
  Draw draw(290);
  for (std::int64_t k = 0; k < lp.coordinates; ++k) {
    lp.u[k] = k < 3 ? 1.0 : 0.01 * draw.power(-1, 0);
    if (k < 3) lp.g[k] = 0;
  }
  return lp;
}

}  // namespace

DenseLp gaussian(const std::string& name, int rows, std::int64_t coordinates, std::uint64_t seed) {
  DenseLp lp{name, rows, coordinates, {}, {}, {}, std::nullopt};
  lp.a.resize(static_cast<std::size_t>(rows * coordinates));
  lp.g.resize(static_cast<std::size_t>(coordinates));
  lp.u.assign(static_cast<std::size_t>(coordinates), 1.0);
  const Philox philox(seed, RandomStream::test);
  philox.normals(0, 0, lp.a);
  philox.normals(1, 0, lp.g);
  return lp;
}

DenseLp heavy_tailed(const std::string& name, int rows, std::int64_t coordinates, std::uint64_t seed) {
  auto lp = gaussian(name, rows, coordinates, seed);
  Draw draw(10 * seed);
  for (std::int64_t k = 0; k < coordinates; ++k) {
    const double scale = std::fabs(draw.cauchy());
    for (int i = 0; i < rows; ++i) row(lp, i)[k] *= scale;
    lp.g[k] = draw.cauchy() * std::fabs(draw.cauchy());
  }
  return lp;
}

DenseLp vertex(int rows, const std::vector<double>& inside, std::int64_t coordinates, std::uint64_t seed) {
  auto lp =
      gaussian(fmt::format("{} rows, {} inside, {}", rows, inside.size(), seed), rows, coordinates, seed);
  Draw draw(10 * seed);
  const std::int64_t free = std::ssize(inside);
  std::vector<double> d(static_cast<std::size_t>(coordinates));
  for (std::int64_t k = 0; k < coordinates; ++k) d[k] = k < free ? inside[k] : (draw.normal() > 0 ? 1 : -1);
  for (int i = 0; i < rows; ++i) {
    double left = 0;
    for (std::int64_t k = 0; k < coordinates; ++k) left += row(lp, i)[k] * d[k];
    for (std::int64_t k = free; k < coordinates; ++k)
      row(lp, i)[k] -= left * d[k] / static_cast<double>(coordinates - free);
  }
  for (std::int64_t k = 0; k < coordinates; ++k) lp.g[k] = k < free ? 0 : -d[k] * std::fabs(draw.normal());
  for (int i = 0; i < rows; ++i) {
    const double y = draw.normal();
    for (std::int64_t k = 0; k < coordinates; ++k) lp.g[k] += row(lp, i)[k] * y;
  }
  return lp;
}

std::vector<DenseLp> closed_forms() {
  const double a1 = 10.0 / 3, h = 1.2, g = 2.0 / 3;
  return {
      closed("notes 1.6: c = (1, 2, -1), H = (1, 1, 1)", 1, {1, 1, 1}, {1, 2, -1}, {1, 1, 1}, -3),
      closed("A1, block 1: dλ = +1, dW = -25/9", 1, {a1, h}, {0, g}, {1, 100}, -50.0 / 27),
      closed("A1, block 1 scaled by a probe", 1, {-7 * a1, -7 * h}, {0, g}, {1, 100}, -50.0 / 27),
      closed("A1, block 2: dλ = -1, dW = +25/18", 1, {5.0 / 3, h}, {0, -7.0 / 6}, {1, 100}, -175.0 / 108),
      closed("A1, both blocks", 2, {a1, 0, h, 0, 0, 5.0 / 3, 0, h}, {0, 0, g, -7.0 / 6}, {1, 1, 100, 100},
             -50.0 / 27 - 175.0 / 108),
      // Two correlated weights, W0 = (1, -2), λ = 0.1: all rows of [H21 H22] leave -‖γ‖₁, γ = -H12 H22⁻¹ g.
      closed("A4, ridge: minus the hypergradient's norm", 2, {2, 0, 2.2, 0.5, 0, -4, 0.5, 1.2},
             {0, 0, 0.3, -0.7}, {1, 1, 100, 100}, -8.18 / 2.39),
      closed("A1, binding weight box: dW = -1", 1, {a1, h}, {0, g}, {1, 1}, -g),
      closed("A2: zero λ column", 1, {0, 0.7}, {0, g}, {1, 1}, 0),
      closed("A3: full-space probes leave d = 0 only", 2, {0.3 * a1, 0.5 * a1 + 0.3 * h, -a1, 2 * a1 - h},
             {0, g}, {1, 1}, 0),
      closed("A3 with four probes", 4, {1, 2, -3, 1, 0.5, 0.25, 2, 7}, {0, g}, {1, 1}, 0),
      closed("one coordinate, one row", 1, {2}, {3}, {5}, 0),
      closed("one coordinate, a zero row", 1, {0}, {3}, {5}, -15),
      closed("one coordinate fixed", 1, {2}, {3}, {0}, 0),
      // d1 = d2 = d3 by the rows, so the cost of all three adds up to 6 - 1 = 5 with the smallest box.
      closed("a chain of equalities", 2, {1, -1, 0, 0, 1, -1}, {4, 2, -1}, {3, 0.5, 2}, -2.5),
  };
}

std::vector<DenseLp> hard_cases() {
  return {dependent_rows(),
          nearly_dependent_rows(),
          zero_rows(),
          only_zero_rows(),
          fixed_coordinates(),
          row_live_on_fixed_coordinates(),
          all_fixed(),
          cost_in_row_space(),
          zero_cost(),
          cost_on_fixed_coordinates(),
          fewer_coordinates_than_rows(),
          fewer_coordinates_low_rank(),
          gaussian("64 rows, 256 coordinates", 64, 256, 30),
          gaussian("one row", 1, 1000, 31),
          gaussian("square", 20, 21, 32),
          ten_orders(),
          scaled_rows_and_columns(),
          heavy_tailed("heavy-tailed columns and costs", 16, 4000, 25),
          heavy_tailed("heavy-tailed, 3 rows", 3, 1500, 26),
          degenerate(),
          all_at_bounds(),
          mixed_boxes(),
          vertex(4, {0.3, -0.1, 0.4}, 5000, 34),
          vertex(4, {0.2}, 5000, 35),
          vertex(4, {0.3, -0.1, 0.4, 1 - 1e-7}, 5000, 36),
          vertex(4, {0.3, 1 - 1e-8, 0.4, 1 - 1e-7}, 5000, 37),
          gaussian("16 rows, 20000 coordinates", 16, 20000, 33)};
}

DistributedLp::DistributedLp(const DenseLp& lp, const Communicator& comm)
    : a_(lp.coordinates, lp.rows, comm) {
  for (int first = 0; first < lp.rows; first += comm.size()) {
    const int mine = first + comm.rank();
    if (mine < lp.rows) {
      a_.insert(mine, std::span<const double>(lp.a).subspan(mine * lp.coordinates, lp.coordinates));
    } else {
      a_.insert(-1, std::span<const double>());
    }
  }
  const auto begin = a_.layout().begin(comm.rank());
  const auto end = a_.layout().end(comm.rank());
  g_.assign(lp.g.begin() + begin, lp.g.begin() + end);
  u_.assign(lp.u.begin() + begin, lp.u.begin() + end);
}

namespace {

/// Solves the m × m system of the reduced costs of `basis` being zero; false if it is singular.
bool multipliers_of(const DenseLp& lp, const std::vector<std::int64_t>& basis, std::vector<double>& y) {
  const int m = lp.rows;
  std::vector<double> t(static_cast<std::size_t>(m) * (m + 1));
  const auto at = [&](int i, int j) -> double& { return t[static_cast<std::size_t>(i) * (m + 1) + j]; };
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < m; ++j) at(i, j) = lp.a[j * lp.coordinates + basis[i]];
    at(i, m) = lp.g[basis[i]];
  }
  for (int p = 0; p < m; ++p) {
    int largest = p;
    for (int i = p + 1; i < m; ++i) {
      if (std::fabs(at(i, p)) > std::fabs(at(largest, p))) largest = i;
    }
    if (std::fabs(at(largest, p)) < 1e-12) return false;
    for (int j = 0; j <= m; ++j) std::swap(at(p, j), at(largest, j));
    for (int i = 0; i < m; ++i) {
      const double factor = i == p ? 0 : at(i, p) / at(p, p);
      for (int j = p; j <= m; ++j) at(i, j) -= factor * at(p, j);
    }
  }
  for (int i = 0; i < m; ++i) y[i] = at(i, m) / at(i, i);
  return true;
}

double dual_value(const DenseLp& lp, const std::vector<double>& y) {
  double value = 0;
  for (std::int64_t k = 0; k < lp.coordinates; ++k) {
    double r = lp.g[k];
    for (int i = 0; i < lp.rows; ++i) r -= y[i] * lp.a[i * lp.coordinates + k];
    value -= lp.u[k] * std::fabs(r);
  }
  return value;
}

}  // namespace

double optimum_by_enumeration(const DenseLp& lp) {
  std::vector<bool> chosen(lp.coordinates, false);
  std::fill_n(chosen.begin(), lp.rows, true);
  std::vector<double> y(lp.rows);
  double best = -std::numeric_limits<double>::infinity();
  do {
    std::vector<std::int64_t> basis;
    for (std::int64_t k = 0; k < lp.coordinates; ++k) {
      if (chosen[k]) basis.push_back(k);
    }
    if (multipliers_of(lp, basis, y)) best = std::max(best, dual_value(lp, y));
  } while (std::prev_permutation(chosen.begin(), chosen.end()));
  return best;
}

LpSolution solve_dealt(const DenseLp& lp, const Communicator& comm, const BoxLpOptions& options,
                       std::span<const double> tau) {
  const DistributedLp distributed(lp, comm);
  BoxLpProblem problem = distributed.problem();
  problem.tau = tau;
  LpSolution solution{{}, std::vector<double>(distributed.size())};
  solution.summary = solve_box_lp(problem, options, solution.d);
  return solution;
}

double cost_norm(const DenseLp& lp) {
  double norm = 0;
  for (std::size_t k = 0; k < lp.g.size(); ++k) norm += std::fabs(lp.g[k]) * lp.u[k];
  return norm;
}

std::string name_of_test(std::size_t index, const DenseLp& lp) {
  std::string name = std::to_string(index) + "_";
  for (const char c : lp.name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name;
}

}  // namespace lift::test
