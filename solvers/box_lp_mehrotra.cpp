#include "solvers/box_lp_mehrotra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/box_lp_certificate.hpp"
#include "solvers/box_lp_norms.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift::box_lp {
namespace {

constexpr double kToBoundary = 0.999;  ///< part of the way to the boundary that a step goes
constexpr double kMet = 0.9;           ///< of a tolerance: met by the loop's own sums, with room for rounding
constexpr double kPolished = 1e-2;     ///< of a tolerance: what makes one more step not worth while
constexpr int kPatience = 15;          ///< steps without progress after which the solve counts as stalled
constexpr int kMaxProjections = 3;
constexpr double kLost = 1e-10;  ///< pivot of the normal matrix at which the direction of its row is rounding
constexpr int kMaxReweighs = 20;
constexpr double kLeastStart = 1e-3;  ///< of the mean cost: the least complementarity at the start

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

}  // namespace

Mehrotra::Mehrotra(const LpShard& problem, const BoxLpOptions& options, std::span<double> d)
    : problem_(problem),
      options_(options),
      comm_(problem.comm),
      started_(std::chrono::steady_clock::now()),
      d_(d),
      with_relaxation_(comm_.is_root() && !problem.tau.empty() ? d.size() + problem.tau.size() : 0),
      slacks_(with_relaxation_.empty() ? d : std::span(with_relaxation_)),
      lp_{problem.a,    problem.g,    problem.u, comm_.is_root() ? problem.tau : std::span<const double>(),
          problem.rows, RowBasis({}), 0},
      sums_(0),
      coordinates_(static_cast<double>(problem.coordinates + std::ssize(problem.tau))) {}

BoxLpSummary Mehrotra::run() {
  const bool finite = scale();
  if (!finite || lp_.cost_scale == 0) {
    write_zero();
    return summarise(finite ? LpStatus::optimal : LpStatus::not_finite);
  }
  start();
  const LpStatus status = iterate();
  if (failed(status)) {
    write_zero();
  } else {
    write_direction();
  }
  return summarise(status);
}

bool Mehrotra::scale() {
  NormSums sums = norm_sums(problem_);
  ++sweeps_;
  agree(comm_, [&] { check_entries(problem_, sums); });
  sum_vector_over_ranks(sums.all(), comm_);
  const auto inverse = [&](double sum) {
    return sum >= std::numeric_limits<double>::min() ? coordinates_ / sum : 0;
  };
  lp_.cost_scale = inverse(sums.cost());
  std::vector<double> scale(sums.rows().begin(), sums.rows().end());
  for (double& norm : scale) norm = inverse(norm);
  lp_.basis = RowBasis(scale);
  return sums.finite();
}

void Mehrotra::start() {
  const std::size_t size = slacks_.size();
  std::fill(slacks_.begin(), slacks_.end(), 1.0);  // x = 0, which is feasible
  point_ = {slacks_, std::vector<double>(size), std::vector<double>(size), std::vector<double>(size, 0.0),
            std::vector<double>(size, 0.0)};
  find_basis();
  start_multipliers();
}

/// Settles the row basis and y = argmin ‖c − Bᵀy‖₂.
void Mehrotra::find_basis() {
  // D = 1 and z_lower − z_upper = c make the normal matrix a Gram matrix and the residual sums B c.
  for (std::size_t k = 0; k < slacks_.size(); ++k) {
    const double c = k < d_.size() ? lp_.cost_scale * problem_.g[k] * problem_.u[k] : 0;
    point_.z_lower[k] = 0.5 + 0.5 * c;
    point_.z_upper[k] = 0.5 - 0.5 * c;
  }
  do {
    y_.assign(static_cast<std::size_t>(lp_.basis.rank()), 0.0);
    row_norms_.assign(y_.size(), coordinates_);
    measure();
  } while (all_finite(sums_.all()) && !lp_.basis.refine(sums_.normal()));
  y_ = SemidefiniteFactor(sums_.normal(), lp_.basis.rank()).solve(sums_.residual());
  row_norms_ = basis_norms(lp_);
  ++sweeps_;
  sum_vector_over_ranks(row_norms_, comm_);
}

/// z_lower − z_upper = r exactly, and no z smaller than the mean of |r|.
void Mehrotra::start_multipliers() {
  const double norm = sum_over_ranks(dual_residual(lp_, y_, point_.step), comm_);
  ++sweeps_;
  const double least = std::max(norm / coordinates_, kLeastStart);
  for (std::size_t k = 0; k < slacks_.size(); ++k) {
    const double r = point_.step[k];
    point_.z_lower[k] = least + std::max(r, 0.0);
    point_.z_upper[k] = least + std::max(-r, 0.0);
    point_.step[k] = 0;
  }
}

LpStatus Mehrotra::iterate() {
  for (bool answered = false;; ++iterations_) {
    measure();
    keep_all_rows();
    if (!all_finite(sums_.all())) return LpStatus::not_finite;
    if (iterations_ > 0 && options_.on_iteration)
      options_.on_iteration({.stage = "whole", .iteration = iterations_, .gap = gap_, .residual = residual_});
    if (gap_ <= kMet * options_.gap_tol) restore_feasibility();
    // One step beyond the tolerance costs little and gains two digits or more.
    if (within(kPolished) || (answered && within(kMet))) return LpStatus::optimal;
    answered = within(kMet);
    // Whether a point at a limit is an answer after all is for the certificate to say.
    if (iterations_ >= options_.max_iterations) return LpStatus::iteration_limit;
    if (seconds_ > options_.max_seconds) return LpStatus::time_limit;
    if (stalled()) return LpStatus::stalled;
    take_step();
  }
}

void Mehrotra::measure() {
  advance_and_assemble(lp_, point_, step_, y_, sums_);
  ++sweeps_;
  step_ = {};
  sum_vector_over_ranks(sums_.all(), comm_);
  gap_ = sums_.gap() / coordinates_;
  residual_ = 0;
  for (std::size_t i = 0; i < row_norms_.size(); ++i) {
    residual_ = std::max(residual_, std::fabs(sums_.primal()[i]) / row_norms_[i]);
  }
}

/// Makes the rows anew where the normal matrix has lost some of them: with fewer coordinates inside their
/// bounds than rows, as at a degenerate vertex, D is many orders larger on those few than on all others, and
/// what the remaining rows say is below the rounding of the matrix until the few are taken out of them.
void Mehrotra::keep_all_rows() {
  const int rank = lp_.basis.rank();
  while (reweighs_ < kMaxReweighs && all_finite(sums_.all()) &&
         SemidefiniteFactor(sums_.normal(), rank, kLost).rank() < rank) {
    y_ = lp_.basis.reweigh(sums_.normal(), y_);
    ++reweighs_;
    row_norms_ = basis_norms(lp_);
    sum_vector_over_ranks(row_norms_, comm_);
    ++sweeps_;
    measure();
  }
}

bool Mehrotra::within(double part) const {
  return gap_ <= part * options_.gap_tol && residual_ <= part * options_.residual_tol;
}

bool Mehrotra::stalled() {
  const double merit = std::max(gap_ / options_.gap_tol, residual_ / options_.residual_tol);
  if (merit < 0.9 * best_merit_) {
    best_merit_ = merit;
    best_iteration_ = iterations_;
  }
  return iterations_ - best_iteration_ >= kPatience;
}

/// Moves x alone back onto A d = 0 where rounding has taken it off. Newton steps near the end cannot: their
/// dy moves reduced costs that are large beside μ, and the rounding of those comes back in dx.
void Mehrotra::restore_feasibility() {
  for (int round = 0; round < kMaxProjections && residual_ > kPolished * options_.residual_tol; ++round) {
    std::vector<double> rhs(sums_.primal().begin(), sums_.primal().end());
    for (double& entry : rhs) entry = -entry;
    const auto dy = SemidefiniteFactor(sums_.normal(), lp_.basis.rank()).solve(rhs);
    const double inverse = max_over_ranks(project(lp_, point_, dy), comm_);
    ++sweeps_;
    step_.primal = std::min(1.0, kToBoundary / inverse);
    measure();
  }
}

void Mehrotra::take_step() {
  const SemidefiniteFactor factor(sums_.normal(), lp_.basis.rank());
  std::vector<double> rhs(y_.size());
  for (std::size_t i = 0; i < rhs.size(); ++i) rhs[i] = sums_.residual()[i] - sums_.primal()[i];
  auto ahead = predict(lp_, point_, factor.solve(rhs));
  sum_vector_over_ranks(ahead.products, comm_);

  const double mu = sums_.complementarity() / (2 * coordinates_);
  step_.target = centring_parameter(ahead) * mu;
  for (std::size_t i = 0; i < rhs.size(); ++i) {
    rhs[i] -= step_.target * sums_.centring()[i] + ahead.products[i];
  }
  const auto dy = factor.solve(rhs);
  choose_step_length(correct(lp_, point_, dy, step_.target));
  for (std::size_t i = 0; i < y_.size(); ++i) y_[i] += step_.dual * dy[i];
  sweeps_ += 2;
}

/// Mehrotra's σ: the cube of the part of the complementarity that the predictor would leave.
double Mehrotra::centring_parameter(PredictorSums& ahead) {
  std::vector<double> inverse{ahead.inverse.primal, ahead.inverse.dual};
  max_over_ranks(host_buffer(std::span<double>(inverse)), comm_);
  const double alpha = std::min(1.0, 1 / inverse[0]);
  const double beta = std::min(1.0, 1 / inverse[1]);
  const double change = beta * ahead.s_dz() + alpha * ahead.z_ds() + alpha * beta * ahead.ds_dz();
  const double left = std::max(1 + change / sums_.complementarity(), 0.0);
  return left * left * left;
}

void Mehrotra::choose_step_length(const InverseSteps& mine) {
  std::vector<double> largest{mine.primal, mine.dual, elapsed()};
  max_over_ranks(host_buffer(std::span<double>(largest)), comm_);
  step_.primal = std::min(1.0, kToBoundary / largest[0]);
  step_.dual = std::min(1.0, kToBoundary / largest[1]);
  seconds_ = largest[2];
}

void Mehrotra::write_direction() {
  for (std::size_t k = 0; k < d_.size(); ++k) {
    const double x = slacks_[k] > 0 ? 1 - slacks_[k] : -1 - slacks_[k];
    d_[k] = problem_.u[k] * x;
  }
}

void Mehrotra::write_zero() {
  std::fill(d_.begin(), d_.end(), 0.0);
  y_.assign(static_cast<std::size_t>(lp_.basis.rank()), 0.0);
}

double Mehrotra::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

BoxLpSummary Mehrotra::summarise(LpStatus status) {
  BoxLpSummary summary;
  summary.y = lp_.basis.apply_transposed(y_);
  for (double& y : summary.y) y = lp_.cost_scale > 0 ? y / lp_.cost_scale : 0;
  summary.certificate = verify(problem_, d_, summary.y).certificate;
  const bool proven = options_.met_by(summary.certificate);
  // What counts is the certificate, not what the loop thought of its last iterate.
  summary.status = status;
  if (!failed(status) && proven) summary.status = LpStatus::optimal;
  if (answered(status) && !proven) summary.status = LpStatus::stalled;
  summary.iterations = iterations_;
  summary.sweeps = sweeps_ + 1;
  summary.seconds = max_over_ranks(elapsed(), comm_);
  summary.message = ending(summary, options_);
  return summary;
}

}  // namespace lift::box_lp
