#include "solvers/box_lp_preprocessing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/box_lp_certificate.hpp"
#include "solvers/box_lp_mehrotra.hpp"
#include "solvers/box_lp_norms.hpp"
#include "solvers/shard_algebra.hpp"

namespace lift::box_lp {
namespace {

constexpr double kPilotTol = 1e-4;      ///< of gap and residual: far below what the draw leaves uncertain
constexpr double kLargestSample = 0.1;  ///< of all coordinates
/// Of a rank's coordinates, and beside that part: with more in doubt, the whole is solved at once.
constexpr double kMostDoubtful = 0.3;
constexpr std::int64_t kFewDoubtful = 1000;
constexpr int kMaxRounds = 6;
constexpr double kWiden = 2;  ///< times the widest wrong sign of a round is in doubt in the next
constexpr double kGrow = 3;   ///< times the width, where those in doubt cannot balance the others

/// What Portnoy and Koenker take for the pilot and for those in doubt after it: (m n)^(2/3) each balances the
/// error of the one with the size of the other.
double sample_size(const LpShard& lp) {
  const auto n = static_cast<double>(lp.coordinates);
  return std::min(std::cbrt(std::pow(lp.rows * n, 2)), kLargestSample * n);
}

/// The least width with Σ weight [ratio ≤ width] ≥ count over all ranks, to a part in a thousand.
double width_of(const Doubt& doubt, double count, const Communicator& comm) {
  double low = 0, high = 0;
  for (const double ratio : doubt.ratio) high = std::max(high, ratio);
  high = max_over_ranks(high, comm);
  while (high - low > 1e-3 * high) {
    const double middle = 0.5 * (low + high);
    double below = 0;
    for (std::size_t k = 0; k < doubt.ratio.size(); ++k)
      below += doubt.ratio[k] <= middle ? doubt.weight[k] : 0;
    (sum_over_ranks(below, comm) >= count ? high : low) = middle;
  }
  return high;
}

}  // namespace

Preprocessing::Preprocessing(const LpShard& lp, const BoxLpOptions& options, std::span<double> d)
    : lp_(lp), options_(options), started_(std::chrono::steady_clock::now()), d_(d), y_(options.start) {}

BoxLpSummary Preprocessing::run() {
  if (lp_.coordinates < options_.least_coordinates) return whole();
  weigh();
  if (weight_ == 0 || !pilot()) return whole();
  while (reduction_.rounds < kMaxRounds) {
    Screening screening = screen(lp_, w_, y_, width_, most_doubtful(), d_);
    ++sweeps_;
    if (max_over_ranks(std::int64_t{screening.count > most_doubtful()}, lp_.comm) > 0) break;
    const LpStatus status = solve_reduced(screening);
    if (failed(status)) break;
    const Verification verification = verify(lp_, d_, y_, w_);
    ++sweeps_;
    if (options_.met_by(verification.certificate))
      return summarise(LpStatus::optimal, verification.certificate);
    if (const auto limit = limit_reached(status)) return summarise(*limit, verification.certificate);
    if (!answered(status)) break;  // not for a wrong sign
    // Decided coordinates that those in doubt cannot balance say too little of which signs are wrong.
    width_ = decided_ < 0.5 ? kGrow * width_ : std::max(width_, kWiden * verification.widest_wrong);
  }
  return whole();
}

/// Of this rank, so that no rank packs a large part of A.
std::int64_t Preprocessing::most_doubtful() const {
  return kFewDoubtful + static_cast<std::int64_t>(kMostDoubtful * static_cast<double>(lp_.size()));
}

std::optional<LpStatus> Preprocessing::limit_reached(LpStatus status) const {
  if (status == LpStatus::iteration_limit) return status;
  const bool late = max_over_ranks(elapsed(), lp_.comm) >= options_.max_seconds;
  return late ? std::optional(LpStatus::time_limit) : std::nullopt;
}

void Preprocessing::weigh() {
  NormSums sums = norm_sums(lp_);
  agree(lp_.comm, [&] { check_entries(lp_, sums); });
  sum_vector_over_ranks(sums.all(), lp_.comm);
  ++sweeps_;
  if (!sums.finite()) return;  // which mehrotra says
  w_.resize(d_.size());
  weight_ = sum_over_ranks(leverage(lp_, sums.rows(), w_), lp_.comm);
  ++sweeps_;
}

bool Preprocessing::pilot() {
  PackedLp drawn = draw(lp_, w_, sample_size(lp_) / weight_);
  const LpShard program = drawn.shard(lp_);
  reduction_.pilot = program.coordinates;
  if (y_.empty()) {
    std::vector<double> d(static_cast<std::size_t>(program.size()));
    const BoxLpOptions options = inner("pilot", kPilotTol, kPilotTol);
    const BoxLpSummary answer = Mehrotra(program, options, d).run();
    iterations_ += answer.iterations;
    if (failed(answer.status)) return false;
    y_ = answer.y;
  }
  width_ = width_of(doubt_about(program, drawn.origin()), sample_size(lp_), lp_.comm);
  return true;
}

Doubt Preprocessing::doubt_about(const LpShard& drawn, std::span<const std::int64_t> origin) const {
  const auto size = static_cast<std::size_t>(drawn.size());
  Doubt doubt{std::vector<double>(size), std::vector<double>(size)};
  for (std::size_t j = 0; j < size; ++j) {
    double r = drawn.g[j];
    for (int i = 0; i < drawn.rows; ++i) r -= y_[static_cast<std::size_t>(i)] * drawn.row(i)[j];
    const auto k = static_cast<std::size_t>(origin[j]);
    doubt.ratio[j] = lp_.u[k] * std::fabs(r) / w_[k];
    doubt.weight[j] = drawn.u[j] / lp_.u[k];
  }
  return doubt;
}

LpStatus Preprocessing::solve_reduced(Screening& screening) {
  std::vector<double> glob = screening.glob;
  glob.push_back(screening.glob_cost);
  sum_vector_over_ranks(glob, lp_.comm);
  PackedLp& packed = screening.doubtful;
  if (lp_.comm.is_root()) packed.add_column(std::span(glob).first(glob.size() - 1), glob.back(), 1);
  const LpShard program = packed.shard(lp_);
  reduction_.reduced = std::max(reduction_.reduced, program.coordinates - 1);
  ++reduction_.rounds;

  std::vector<double> d(static_cast<std::size_t>(program.size()));
  const BoxLpOptions options = inner("reduced", options_.gap_tol, options_.residual_tol);
  const BoxLpSummary answer = Mehrotra(program, options, d).run();
  iterations_ += answer.iterations;
  y_ = answer.y;

  decided_ = lp_.comm.is_root() ? d.back() : 0;
  broadcast(host_buffer(std::span(&decided_, 1)), 0, lp_.comm);
  for (double& entry : d_) entry *= decided_;
  for (std::size_t j = 0; j < packed.origin().size(); ++j) {
    if (packed.origin()[j] >= 0) d_[static_cast<std::size_t>(packed.origin()[j])] = d[j];
  }
  return answer.status;
}

BoxLpSummary Preprocessing::whole() {
  std::vector<double>().swap(w_);
  const bool tried = reduction_.pilot > 0;
  const BoxLpOptions options = inner("whole", options_.gap_tol, options_.residual_tol);
  BoxLpSummary summary = Mehrotra(lp_, options, d_).run();
  if (!tried) return summary;
  reduction_.whole = true;
  iterations_ += summary.iterations;
  sweeps_ += summary.sweeps;
  y_ = std::move(summary.y);
  return summarise(summary.status, summary.certificate);
}

BoxLpOptions Preprocessing::inner(const char* stage, double gap_tol, double residual_tol) const {
  BoxLpOptions options = options_;
  options.gap_tol = gap_tol;
  options.residual_tol = residual_tol;
  options.max_seconds = options_.max_seconds - max_over_ranks(elapsed(), lp_.comm);
  if (options_.on_iteration) {
    options.on_iteration = [this, stage](LpIteration step) {
      step.stage = stage;
      options_.on_iteration(step);
    };
  }
  return options;
}

double Preprocessing::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

BoxLpSummary Preprocessing::summarise(LpStatus status, const LpCertificate& certificate) const {
  BoxLpSummary summary{.status = status,
                       .certificate = certificate,
                       .reduction = reduction_,
                       .inside = {},
                       .iterations = iterations_,
                       .sweeps = sweeps_,
                       .seconds = max_over_ranks(elapsed(), lp_.comm),
                       .y = y_,
                       .message = {}};
  summary.message =
      ending(summary, options_) +
      fmt::format(", {} of {} coordinates in doubt after a pilot of {}, {} round{}{}", reduction_.reduced,
                  lp_.coordinates, reduction_.pilot, reduction_.rounds, reduction_.rounds == 1 ? "" : "s",
                  reduction_.whole ? ", then all of them solved at once" : "");
  return summary;
}

}  // namespace lift::box_lp
