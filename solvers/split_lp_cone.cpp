#include <algorithm>
#include <cmath>
#include <limits>

#include "solvers/second_order_cone.hpp"
#include "solvers/semidefinite_factor.hpp"
#include "solvers/shard_algebra.hpp"
#include "solvers/split_lp_programs.hpp"

namespace lift {
namespace {

constexpr int kMaxSteps = 80, kMaxIdle = 5;  ///< in all, and without a better point
constexpr double kTol = 1e-14;               ///< gap, of costs of unit size
constexpr double kToEdge = 0.99;             ///< part of the way to the edge of the cones that a step goes
constexpr double kShortest = 1e-10;          ///< a step below is none

/// A point over all cones: of the slacks 1 ∓ x and (1, w, s), or of their multipliers.
struct Member {
  std::vector<double> upper, lower, cone;

  [[nodiscard]] double dot_with(const Member& other) const {
    return dot(upper, other.upper) + dot(lower, other.lower) + dot(cone, other.cone);
  }
  void add(double factor, const Member& other) {
    axpy(factor, other.upper, upper);
    axpy(factor, other.lower, lower);
    axpy(factor, other.cone, cone);
  }
};

double largest(std::span<const double> v) {
  double size = 0;
  for (const double entry : v) size = std::max(size, std::fabs(entry));
  return size;
}

/// min cᵀv with v = (t, s), c = (f, −rest): the slacks move by −G dv, the dual residual is c + Gᵀz.
class ConeProgram {
 public:
  explicit ConeProgram(const ReducedProgram& program) : program_(program), cost_(program.cost) {
    cost_.push_back(-program.rest);
    size_ = largest(cost_);
    for (double& entry : cost_) entry /= size_;
  }
  [[nodiscard]] const ReducedProgram& reduced() const { return program_; }
  [[nodiscard]] const std::vector<double>& cost() const { return cost_; }
  [[nodiscard]] double size() const { return size_; }  ///< what costs and multipliers are in units of
  [[nodiscard]] std::size_t unknowns() const { return cost_.size(); }
  [[nodiscard]] double degree() const { return 2 * static_cast<double>(program_.p) + 1; }

  [[nodiscard]] std::vector<double> x(std::span<const double> v) const {
    std::vector<double> x(program_.p, 0.0);
    for (std::size_t j = 0; j < program_.size(); ++j) axpy(v[j], program_.x_part(j), x);
    return x;
  }
  [[nodiscard]] std::vector<double> w(std::span<const double> v) const {
    std::vector<double> w(program_.r, 0.0);
    for (std::size_t j = 0; j < program_.size(); ++j) axpy(v[j], program_.w_part(j), w);
    return w;
  }
  /// −G v.
  [[nodiscard]] Member slack(std::span<const double> v) const {
    Member d{x(v), x(v), {0}};
    scale(-1, d.upper);
    const auto along = w(v);
    d.cone.insert(d.cone.end(), along.begin(), along.end());
    d.cone.push_back(v.back());
    return d;
  }
  /// Gᵀ z.
  [[nodiscard]] std::vector<double> gather(const Member& z) const {
    std::vector<double> difference = z.upper, out(unknowns());
    axpy(-1, z.lower, difference);
    const auto along = std::span(z.cone).subspan(1, program_.r);
    for (std::size_t j = 0; j < program_.size(); ++j)
      out[j] = dot(program_.x_part(j), difference) - dot(program_.w_part(j), along);
    out.back() = -z.cone.back();
    return out;
  }

 private:
  const ReducedProgram& program_;
  double size_ = 1;
  std::vector<double> cost_;
};

struct Iterate {
  std::vector<double> v;
  Member slack, multiplier;

  /// t = 0, where every slack is the unit of its cone.
  explicit Iterate(const ConeProgram& program) : v(program.unknowns(), 0.0) {
    const std::vector<double> ones(program.reduced().p, 1.0);
    slack = multiplier = {ones, ones, unit_of_cone(program.reduced().r + 2)};
  }
  [[nodiscard]] double gap() const { return slack.dot_with(multiplier); }
  [[nodiscard]] std::vector<double> dual_residual(const ConeProgram& program) const {
    auto residual = program.gather(multiplier);
    axpy(1, program.cost(), residual);
    return residual;
  }
};

/// Nesterov and Todd's scaling W of all cones: W multiplier = W⁻¹ slack = point.
struct Scaling {
  std::vector<double> upper, lower;  ///< of W
  ConeScaling cone;
  Member point;

  explicit Scaling(const Iterate& at) : cone(at.slack.cone, at.multiplier.cone) {
    for (std::size_t i = 0; i < at.slack.upper.size(); ++i) {
      upper.push_back(std::sqrt(at.slack.upper[i] / at.multiplier.upper[i]));
      lower.push_back(std::sqrt(at.slack.lower[i] / at.multiplier.lower[i]));
    }
    point = divide(at.slack);
  }
  /// W⁻¹ m.
  [[nodiscard]] Member divide(Member m) const {
    for (std::size_t i = 0; i < upper.size(); ++i) {
      m.upper[i] /= upper[i];
      m.lower[i] /= lower[i];
    }
    m.cone = cone.divide(m.cone);
    return m;
  }
};

/// A step before its length is chosen: dv, W⁻¹ times the slacks' and W times the multipliers' part.
struct Direction {
  std::vector<double> dv;
  Member slack, multiplier;
};

/// GᵀW⁻²G, lower triangle: N_xᵀ(…)N_x + factor (2 l lᵀ + diag(N_wᵀN_w, 1)).
std::vector<double> normal_matrix(const ReducedProgram& program, const Scaling& scaling) {
  const std::size_t n = program.size() + 1;
  std::vector<double> h(n * n, 0.0), along(n), row(program.p);
  const auto& axis = scaling.cone.axis();
  for (std::size_t j = 0; j < program.size(); ++j)
    along[j] = dot(program.w_part(j), std::span(axis).subspan(1, program.r));
  along[n - 1] = axis.back();
  for (std::size_t i = 0; i < program.size(); ++i) {
    for (std::size_t k = 0; k < program.p; ++k)
      row[k] = program.x_part(i)[k] *
               (1 / (scaling.upper[k] * scaling.upper[k]) + 1 / (scaling.lower[k] * scaling.lower[k]));
    for (std::size_t j = 0; j <= i; ++j)
      h[i * n + j] =
          dot(row, program.x_part(j)) + scaling.cone.factor() * dot(program.w_part(i), program.w_part(j));
  }
  h[n * n - 1] = scaling.cone.factor();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) h[i * n + j] += 2 * scaling.cone.factor() * along[i] * along[j];
  return h;
}

/// The linear systems of one step.
class Newton {
 public:
  Newton(const ConeProgram& program, const Iterate& at)
      : program_(program),
        scaling_(at),
        factor_(normal_matrix(program.reduced(), scaling_), static_cast<int>(program.unknowns())),
        residual_(at.dual_residual(program)) {}
  [[nodiscard]] const Scaling& scaling() const { return scaling_; }

  /// W dz + W⁻¹ ds = ξ, Gᵀdz = −residual, ds = −G dv; refined once.
  [[nodiscard]] Direction solve(const Member& xi) const {
    auto rhs = program_.gather(scaling_.divide(xi));
    axpy(1, residual_, rhs);
    scale(-1, rhs);
    Direction d;
    d.dv = factor_.solve(rhs);
    auto rest = program_.gather(scaling_.divide(scaling_.divide(program_.slack(d.dv))));
    axpy(1, rhs, rest);
    axpy(1, factor_.solve(rest), d.dv);
    d.slack = scaling_.divide(program_.slack(d.dv));
    d.multiplier = xi;
    d.multiplier.add(-1, d.slack);
    return d;
  }
  /// ξ of the predictor, −point.
  [[nodiscard]] Member towards_the_edge() const {
    Member xi = scaling_.point;
    for (auto* part : {&xi.upper, &xi.lower, &xi.cone}) scale(-1, *part);
    return xi;
  }
  /// ξ of the corrector, −point + point⁻¹ ∘ (target e − W⁻¹ds ∘ W dz), of the predictor's ds and dz.
  [[nodiscard]] Member towards(double target, const Direction& affine) const {
    Member xi = towards_the_edge();
    const Member& point = scaling_.point;
    for (std::size_t i = 0; i < xi.upper.size(); ++i) {
      xi.upper[i] += (target - affine.slack.upper[i] * affine.multiplier.upper[i]) / point.upper[i];
      xi.lower[i] += (target - affine.slack.lower[i] * affine.multiplier.lower[i]) / point.lower[i];
    }
    auto change = cone_product(affine.slack.cone, affine.multiplier.cone);
    scale(-1, change);
    change[0] += target;
    axpy(1, cone_quotient(point.cone, change), xi.cone);
    return xi;
  }
  /// The part of a direction, at most 1, that leads to the edge of a cone.
  [[nodiscard]] double reach(const Direction& d, double part) const {
    const Member& point = scaling_.point;
    double inverse = 0;
    for (const Member* m : {&d.slack, &d.multiplier}) {
      for (std::size_t i = 0; i < point.upper.size(); ++i) {
        inverse = std::max(inverse, -m->upper[i] / point.upper[i]);
        inverse = std::max(inverse, -m->lower[i] / point.lower[i]);
      }
      inverse = std::max(inverse, inverse_step(point.cone, m->cone));
    }
    return inverse > part ? part / inverse : 1;
  }

 private:
  const ConeProgram& program_;
  Scaling scaling_;
  SemidefiniteFactor factor_;
  std::vector<double> residual_;
};

/// One predictor–corrector step; false where none is left.
bool advance(const ConeProgram& program, Iterate& it) {
  const Newton newton(program, it);
  const Direction affine = newton.solve(newton.towards_the_edge());
  const double left = 1 - newton.reach(affine, 1);
  const double target = left * left * left * it.gap() / program.degree();
  const Direction d = newton.solve(newton.towards(target, affine));
  const double length = newton.reach(d, kToEdge);
  if (!(length > kShortest)) return false;
  axpy(length, d.dv, it.v);
  it.slack.add(length, program.slack(d.dv));
  it.multiplier.add(length, newton.scaling().divide(d.multiplier));
  return true;
}

/// Moves the answer's costs by the shortest way to ones equal to f on N: what rounding keeps of the dual
/// residual goes.
void correct_costs(const ReducedProgram& reduced, ReducedAnswer& answer) {
  std::vector<double> missing(reduced.size());
  for (std::size_t j = 0; j < reduced.size(); ++j)
    missing[j] =
        reduced.cost[j] - dot(reduced.x_part(j), answer.x_cost) - dot(reduced.w_part(j), answer.w_cost);
  for (std::size_t j = 0; j < reduced.size(); ++j) {
    axpy(missing[j], reduced.x_part(j), answer.x_cost);
    axpy(missing[j], reduced.w_part(j), answer.w_cost);
  }
}

ReducedAnswer answer_of(const ConeProgram& program, const Iterate& it) {
  const ReducedProgram& reduced = program.reduced();
  ReducedAnswer answer;
  answer.x = program.x(it.v);
  for (double& x : answer.x) x = std::clamp(x, -1.0, 1.0);
  answer.w = program.w(it.v);
  const double length = dot(answer.w, answer.w);
  if (length > 1) scale(1 / std::sqrt(length), answer.w);
  answer.s = reduced.rest > 0 ? std::sqrt(std::max(0.0, 1 - length)) : 0;
  for (std::size_t i = 0; i < reduced.p; ++i)
    answer.x_cost.push_back(program.size() * (it.multiplier.lower[i] - it.multiplier.upper[i]));
  for (std::size_t i = 0; i < reduced.r; ++i)
    answer.w_cost.push_back(program.size() * it.multiplier.cone[1 + i]);
  correct_costs(reduced, answer);
  return answer;
}

/// What the certificate will find, Σ (|r| + r x) + ‖(r_w, rest)‖ + r_w·w − rest·s of the costs r; +∞ for what
/// is not a number.
double gap_of(const ReducedProgram& reduced, const ReducedAnswer& answer) {
  double gap = std::sqrt(dot(answer.w_cost, answer.w_cost) + reduced.rest * reduced.rest) +
               dot(answer.w_cost, answer.w) - reduced.rest * answer.s;
  for (std::size_t i = 0; i < reduced.p; ++i)
    gap += std::fabs(answer.x_cost[i]) + answer.x_cost[i] * answer.x[i];
  return std::isfinite(gap) ? gap : std::numeric_limits<double>::infinity();
}

}  // namespace

ReducedAnswer solve_in_box_and_ball(const ReducedProgram& reduced) {
  if (reduced.rest == 0 && largest(reduced.cost) == 0) {
    const std::vector<double> x(reduced.p, 0.0), w(reduced.r, 0.0);
    return {x, w, 0, x, w, 0};
  }
  const ConeProgram program(reduced);
  Iterate it(program);
  ReducedAnswer best = answer_of(program, it);
  double least = gap_of(reduced, best);
  int steps = 0;
  for (int idle = 0; steps < kMaxSteps && idle < kMaxIdle && least > kTol * program.size(); ++steps) {
    if (!advance(program, it)) break;
    ReducedAnswer next = answer_of(program, it);
    const double gap = gap_of(reduced, next);
    idle = gap < least ? 0 : idle + 1;
    if (gap < least) best = std::move(next);
    least = std::min(least, gap);
  }
  best.iterations = steps;
  return best;
}

}  // namespace lift
