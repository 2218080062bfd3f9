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

constexpr double kPilotTol = 1e-4;       ///< of gap and residual: far below what the draw leaves uncertain
constexpr double kLargestSample = 0.15;  ///< of all coordinates
/// Of a rank's coordinates, and beside that part: with more in doubt, the whole is solved at once.
constexpr double kMostDoubtful = 0.3;
constexpr std::int64_t kFewDoubtful = 1000;
constexpr int kMaxRounds = 6;
/// Blocks of coordinates that stand for all where first norms are taken, and how unlike theirs the norms may
/// be.
constexpr std::int64_t kNormBlocks = 64;
constexpr double kAlike = 4;
/// Coordinates below which a pilot or a reduced program is solved at once.
constexpr std::int64_t kLeastNested = 20'000;
/// Times the widest wrong sign of a round is in doubt in the next, whose multipliers are much better ones.
constexpr double kWiden = 0.5;
constexpr double kWidenMore = 2;  ///< the same, where the round before was no worse
constexpr double kGrow = 3;       ///< times the width, where those in doubt cannot balance the others
constexpr double kBalanced = 1 - 1e-6;
/// Of the tolerances: what a reduced program is solved to by preprocessing, which stops at once where they
/// are met.
constexpr double kNestedTol = 0.3;

/// The least width that `count` of all coordinates are within, as those drawn tell, to a part in a thousand.
double width_of(std::span<const double> ratios, std::span<const double> chances, double count,
                const Communicator& comm) {
  double low = 0, high = 0;
  for (const double ratio : ratios) high = std::max(high, ratio);
  high = max_over_ranks(high, comm);
  // Where so many of the ratios are 0 no width is the least.
  const double least = 1e-12 * high;
  while (high - low > 1e-3 * high && high > least) {
    const double middle = 0.5 * (low + high);
    double below = 0;
    for (std::size_t k = 0; k < ratios.size(); ++k) below += ratios[k] <= middle ? 1 / chances[k] : 0;
    (sum_over_ranks(below, comm) >= count ? high : low) = middle;
  }
  return high;
}

/// Whether each row's norm is within kAlike of what its sample said.
bool alike(std::span<const double> sample, std::span<const double> norms) {
  for (std::size_t i = 0; i < norms.size(); ++i) {
    if (norms[i] > kAlike * sample[i] || sample[i] > kAlike * norms[i]) return false;
  }
  return true;
}

}  // namespace

double sample_size(int rows, std::int64_t coordinates) {
  const auto n = static_cast<double>(coordinates);
  return std::min(std::cbrt(std::pow(rows * n, 2)), kLargestSample * n);
}

Preprocessing::Preprocessing(const LpShard& lp, const BoxLpOptions& options, std::span<double> d)
    : lp_(lp), options_(options), started_(std::chrono::steady_clock::now()), d_(d), y_(options.start) {}

BoxLpSummary Preprocessing::run() {
  if (lp_.coordinates < options_.least_coordinates) return whole();
  if (!pilot()) return whole();
  while (reduction_.rounds < kMaxRounds) {
    Screening screening = screen(lp_, inverse_, y_, width_, most_doubtful(), d_);
    ++sweeps_;
    if (max_over_ranks(std::int64_t{screening.count > most_doubtful()}, lp_.comm) > 0) break;
    const std::vector<double> before = y_;
    const LpStatus status = solve_reduced(screening);
    if (failed(status)) break;
    const Verification verification = verify(lp_, d_, y_, inverse_);
    ++sweeps_;
    if (options_.met_by(verification.certificate))
      return summarise(LpStatus::optimal, verification.certificate);
    if (const auto limit = limit_reached(status)) return summarise(*limit, verification.certificate);
    if (!answered(status)) break;  // not for a wrong sign
    widen(verification.widest_wrong, before);
  }
  return whole();
}

/// Those in doubt of the next round.
void Preprocessing::widen(double widest_wrong, const std::vector<double>& before) {
  if (decided_ < kBalanced) {
    // Multipliers at which the decided ones as a whole cost nothing say nothing of each.
    y_ = before;
    width_ *= kGrow;
    return;
  }
  const bool better = widest_wrong < kWiden * widest_wrong_;
  width_ = std::max(width_, (better ? kWiden : kWidenMore) * widest_wrong);
  widest_wrong_ = widest_wrong;
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

Draw Preprocessing::drawn() {
  const std::int64_t stride = std::max<std::int64_t>(1, lp_.coordinates / (kNormBlock * kNormBlocks));
  NormSums norms = norm_sums(lp_, stride);
  sum_vector_over_ranks(norms.all(), lp_.comm);
  for (double& norm : norms.all()) norm *= static_cast<double>(stride);
  sweeps_ += stride == 1 ? 1 : 0;
  Draw draw = drawn_by(norms);
  agree(lp_.comm, [&] { check_entries(lp_, draw.norms); });
  sum_vector_over_ranks(draw.norms.all(), lp_.comm);
  if (!draw.norms.finite()) return Draw(lp_.rows);  // which mehrotra says
  const bool whole = max_over_ranks(std::int64_t{draw.cut_short}, lp_.comm) == 0;
  if (whole && alike(norms.rows(), draw.norms.rows())) return draw;
  norms = draw.norms;
  draw = Draw(lp_.rows);
  return drawn_by(norms);
}

Draw Preprocessing::drawn_by(const NormSums& norms) {
  inverse_.assign(norms.rows().begin(), norms.rows().end());
  for (double& norm : inverse_) norm = norm >= std::numeric_limits<double>::min() ? 1 / norm : 0;
  // Σ_k w_k, were these the norms of all coordinates.
  const auto weight = static_cast<double>(std::ranges::count_if(inverse_, [](double x) { return x > 0; }));
  ++sweeps_;
  const double size = sample_size(lp_.rows, lp_.coordinates);
  return draw(lp_, inverse_, weight > 0 ? size / weight : 0,
              kFewDoubtful + static_cast<std::int64_t>(kAlike * size));
}

bool Preprocessing::pilot() {
  Draw draw = drawn();
  const LpShard program = draw.program.shard(lp_);
  reduction_.pilot = program.coordinates;
  if (program.coordinates == 0) return false;
  if (y_.empty()) {
    std::vector<double> d(static_cast<std::size_t>(program.size()));
    if (failed(solve_part(program, inner("pilot", kPilotTol, kPilotTol), d))) return false;
  }
  width_ =
      width_of(doubts(program, draw, y_), draw.chances, sample_size(lp_.rows, lp_.coordinates), lp_.comm);
  return true;
}

LpStatus Preprocessing::solve_reduced(Screening& screening) {
  std::vector<double> glob = screening.glob;
  glob.push_back(screening.glob_cost);
  sum_vector_over_ranks(glob, lp_.comm);
  PackedLp& packed = screening.doubtful;
  const int last = lp_.comm.size() - 1;  // whose coordinates it follows on any number of ranks
  if (lp_.comm.rank() == last) packed.add_column(std::span(glob).first(glob.size() - 1), glob.back(), 1);
  const LpShard program = packed.shard(lp_);
  reduction_.reduced = std::max(reduction_.reduced, program.coordinates - 1);
  ++reduction_.rounds;

  std::vector<double> d(static_cast<std::size_t>(program.size()));
  const LpStatus status = solve_part(program, inner("reduced", options_.gap_tol, options_.residual_tol), d);

  decided_ = lp_.comm.rank() == last ? d.back() : 0;
  broadcast(host_buffer(std::span(&decided_, 1)), last, lp_.comm);
  for (double& entry : d_) entry *= decided_;
  for (std::size_t j = 0; j < packed.origin().size(); ++j) {
    if (packed.origin()[j] >= 0) d_[static_cast<std::size_t>(packed.origin()[j])] = d[j];
  }
  return status;
}

LpStatus Preprocessing::solve_part(const LpShard& part, BoxLpOptions options, std::span<double> d) {
  options.start.clear();
  // A part that is hardly smaller would be solved by way of one like it, and so on.
  const bool at_once =
      part.coordinates < kLeastNested || 2 * part.coordinates > lp_.coordinates || options.max_seconds <= 0;
  if (!at_once) {
    options.least_coordinates = 0;
    options.gap_tol *= kNestedTol;
    options.residual_tol *= kNestedTol;
  }
  BoxLpSummary answer = at_once ? Mehrotra(part, options, d).run() : Preprocessing(part, options, d).run();
  iterations_ += answer.iterations;
  const std::int64_t largest = answer.reduction.at_once > 0 ? answer.reduction.at_once : part.coordinates;
  reduction_.at_once = std::max(reduction_.at_once, largest);
  y_ = std::move(answer.y);
  return answer.status;
}

BoxLpSummary Preprocessing::whole() {
  const bool tried = reduction_.pilot > 0;
  const BoxLpOptions options = inner("whole", options_.gap_tol, options_.residual_tol);
  BoxLpSummary summary = Mehrotra(lp_, options, d_).run();
  if (!tried) {
    summary.sweeps += sweeps_;
    return summary;
  }
  reduction_.whole = true;
  reduction_.at_once = lp_.coordinates;
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
