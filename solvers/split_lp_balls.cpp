#include <algorithm>
#include <cmath>
#include <utility>

#include "solvers/shard_algebra.hpp"
#include "solvers/split_lp_programs.hpp"

namespace lift {
namespace {

constexpr int kMaxRotations = 60;      ///< rounds over all pairs of columns; some 8 are needed
constexpr double kOrthogonal = 1e-14;  ///< cosine at which two columns count as orthogonal
constexpr double kRounding = 1e-15;    ///< C or S at or below counts as 0
constexpr double kReach = 250;         ///< |log τ| is at most this

/// Rotates columns i and j of the program's basis, w parts orthogonal; whether they were already.
bool rotate(ReducedProgram& program, std::size_t i, std::size_t j) {
  const auto wi = program.w_part(i), wj = program.w_part(j);
  const double a = dot(wi, wi), b = dot(wj, wj), c = dot(wi, wj);
  if (std::fabs(c) <= kOrthogonal * std::sqrt(a) * std::sqrt(b) || std::fabs(c) <= kRounding * kRounding)
    return true;
  const double zeta = (b - a) / (2 * c);
  const double t = std::copysign(1 / (std::fabs(zeta) + std::hypot(1, zeta)), zeta);
  const double cosine = 1 / std::hypot(1, t), sine = cosine * t;
  const auto turn = [&](double& x, double& y) {
    const double old = x;
    x = cosine * old - sine * y;
    y = sine * old + cosine * y;
  };
  const std::size_t length = program.p + program.r;
  for (std::size_t k = 0; k < length; ++k) turn(program.basis[i * length + k], program.basis[j * length + k]);
  turn(program.cost[i], program.cost[j]);
  return false;
}

/// Makes the columns of N_w orthogonal to each other, and with them, since those of N are, those of N_x.
void diagonalise(ReducedProgram& program) {
  bool orthogonal = false;
  for (int round = 0; round < kMaxRotations && !orthogonal; ++round) {
    orthogonal = true;
    for (std::size_t i = 0; i < program.size(); ++i)
      for (std::size_t j = i + 1; j < program.size(); ++j)
        if (!rotate(program, i, j)) orthogonal = false;
  }
}

/// The program in coordinates that do not mix: for τ, t_i = −f_i / (τC_i² + S_i²) and s = rest, in units of
/// 1/ν.
class SecularEquation {
 public:
  explicit SecularEquation(const ReducedProgram& program) : program_(program), t_(program.size()) {
    for (std::size_t i = 0; i < program.size(); ++i) {
      const auto x = program.x_part(i), w = program.w_part(i);
      const auto cleaned = [](double square) { return square > kRounding * kRounding ? square : 0; };
      c_.push_back(cleaned(dot(x, x)));
      s_.push_back(cleaned(dot(w, w)));
    }
  }
  void place(double tau) {
    x_ = 0;
    w_ = program_.rest * program_.rest;
    for (std::size_t i = 0; i < t_.size(); ++i) {
      t_[i] = program_.cost[i] == 0 ? 0 : -program_.cost[i] / (tau * c_[i] + s_[i]);
      x_ += c_[i] * t_[i] * t_[i];
      w_ += s_[i] * t_[i] * t_[i];
    }
  }
  [[nodiscard]] double x_length() const { return std::sqrt(x_); }
  [[nodiscard]] double w_length() const { return std::sqrt(w_); }
  [[nodiscard]] std::vector<double>& t() { return t_; }

 private:
  const ReducedProgram& program_;
  std::vector<double> c_, s_, t_;  ///< C², S²
  double x_ = 0, w_ = 0;
};

/// Places the equation where both balls bind, or where one does; τ, and how many places were tried.
std::pair<double, int> find_ratio(SecularEquation& equation) {
  const auto lambda_is_longer = [&](double log_tau) {
    equation.place(std::exp(log_tau));
    return equation.x_length() > equation.w_length();
  };
  int tried = 2;
  double low = -kReach, high = kReach;
  if (!lambda_is_longer(low)) return {0, 1};
  if (lambda_is_longer(high)) return {std::exp(high), 2};
  for (double middle = 0; high - low > 1e-15; ++tried, middle = 0.5 * (low + high)) {
    if (!(low < middle && middle < high)) break;
    (lambda_is_longer(middle) ? low : high) = middle;
  }
  (void)lambda_is_longer(high);
  return {std::exp(high), tried};
}

}  // namespace

ReducedAnswer solve_in_balls(ReducedProgram program) {
  ReducedAnswer answer;
  answer.x.resize(program.p, 0.0);
  answer.w.resize(program.r, 0.0);
  answer.x_cost = answer.x;
  answer.w_cost = answer.w;
  const double size = std::max(std::sqrt(dot(program.cost, program.cost)), program.rest);
  if (size == 0) return answer;
  scale(1 / size, program.cost);
  program.rest /= size;
  diagonalise(program);
  SecularEquation equation(program);
  const auto [tau, tried] = find_ratio(equation);
  answer.iterations = tried;
  const double unit = std::max(equation.x_length(), equation.w_length());
  for (std::size_t j = 0; j < program.size(); ++j) {
    const double t = equation.t()[j] / unit;
    axpy(t, program.x_part(j), answer.x);
    axpy(t, program.w_part(j), answer.w);
  }
  answer.s = program.rest / unit;
  axpy(-tau * unit * size, answer.x, answer.x_cost);
  axpy(-unit * size, answer.w, answer.w_cost);
  return answer;
}

}  // namespace lift
