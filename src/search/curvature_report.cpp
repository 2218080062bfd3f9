#include "src/search/curvature_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/search/curvature_coordinates.hpp"
#include "src/search/curvature_judge.hpp"
#include "src/search/probe_curvature.hpp"

namespace lift {
namespace {

constexpr int kNoiseSteps = 6;
constexpr std::int64_t kLeastOfColumn = 5;  ///< products without which no column of S is looked for
constexpr double kOfH22 = 0.45, kOfBlocks = 0.2, kOfSchur = 0.2;  ///< of max_products
constexpr std::int64_t kLeast = 4;                                ///< products that any part may have
constexpr int kRaises = 3;                                        ///< of μ
constexpr std::int64_t kMostSteps = 1000;                         ///< of a density
constexpr double kDelta = 1e-3;  ///< of the largest curvature: what a chosen μ leaves above 0

/// Everything that a report is made of, part by part.
class Measurement {
 public:
  Measurement(const Round& round, const CurvatureOptions& options, const SearchObserver& observer)
      : round_(round), options_(options), judge_(round, options, observer) {}

  void find_noise(CurvatureReport& report) {
    LanczosOptions lanczos_options;
    lanczos_options.steps = kNoiseSteps;
    const auto found = lanczos(judge_.operators().h22(), judge_.start(judge_.all()),
                               judge_.operators().layout(), judge_.comm(), lanczos_options);
    if (failed(found.status)) throw AgreedError(ExitCode::numerical, found.message);
    if (!found.ritz_values.empty()) meet(found.ritz_values.front(), found.ritz_values.back());
    report.noise = product_noise(found.asymmetry, rounding_of(round_), largest_);
  }
  void judge(CurvatureReport& report) {
    const CoordinateRange all = judge_.all();
    report.n = all.end - masked_within(all, round_.masked);
    report.sequences = std::ssize(round_.hessian_sequences);
    report.of_sequences = round_.state.train.size();
    report.lambda = round_.state.lambda;
    report.masked = all.end - report.n;
    report.null_directions = unheld_coordinates(round_);
    report.h22 = judge_.judge(all, report.noise, share(kOfH22));
    meet(report.h22.least);
  }
  void judge_blocks(CurvatureReport& report) {
    const auto blocks = blocks_of(round_.tuned().layout());
    if (!options_.blocks || blocks.size() < 2) return;
    const auto each = std::max(kLeast, share(kOfBlocks) / std::ssize(blocks));
    for (const BlockRange& block : blocks) {
      const std::int64_t n = block.range.end - block.range.begin - masked_within(block.range, round_.masked);
      report.blocks.push_back({block.block, n, judge_.judge(block.range, report.noise, each)});
      Definiteness& found = report.blocks.back().curvature;
      meet(found.least);
      const InertiaBound inertia = joined(report.h22.inertia, found.inertia);
      if (found.verdict == Verdict::fails && report.h22.verdict != Verdict::fails)
        take_proof(found, part_name(block.block), report);
      report.h22.inertia = inertia;  // a form that is negative within a block is so within the whole
      found.least.vector.clear();
    }
  }
  void find_schur(CurvatureReport& report) {
    const auto p = static_cast<std::size_t>(round_.p());
    for (const double squares : round_.state.regularizer.values(round_.tuned().flat()))
      report.rank_h21 += squares > 0 ? 1 : 0;
    const double size = std::max(std::fabs(least_), std::fabs(largest_));
    report.mu = options_.damping.value_or(std::max(0.0, -least_) + kDelta * size);
    if (p == 0) return;
    if (share(kOfSchur) < kLeastOfColumn * static_cast<std::int64_t>(p)) return;
    const std::vector<double> g(start_size(), 0.0), s(p, 1.0);
    const std::int64_t first = judge_.operators().products();
    for (int raises = 0; raises <= kRaises; ++raises) {
      SchurOptions schur{.mu = report.mu};
      const std::int64_t left = share(kOfSchur) - (judge_.operators().products() - first) - std::ssize(s);
      schur.max_products = std::max<std::int64_t>(1, left);
      schur.tol = options_.tol;
      schur.basis = options_.basis;
      schur.certificate_tol = 10 * options_.tol;
      report.schur = schur_complement(judge_.operators().problem(g, s), schur);
      const std::int64_t after = share(kOfSchur) - (judge_.operators().products() - first) - std::ssize(s);
      if (report.schur->status != SchurStatus::indefinite || options_.damping || after < std::ssize(s)) break;
      if (raises < kRaises) report.mu = 4 * std::max(report.mu, kDelta * size);
    }
  }
  /// With what is left.
  void find_density(CurvatureReport& report) {
    const std::int64_t left = options_.max_products - judge_.products();
    const std::int64_t starts = std::min<std::int64_t>(options_.density_vectors, left);
    const auto steps = static_cast<int>(std::min(kMostSteps, left / std::max<std::int64_t>(1, starts)));
    for (std::int64_t i = 0; i < starts; ++i)
      report.density.push_back(spectral_quadrature(judge_.operators().h22(), judge_.start(judge_.all()),
                                                   steps, judge_.operators().layout(), judge_.comm()));
    report.products = judge_.products();
  }

 private:
  /// The vector of a block is one of the whole.
  void take_proof(Definiteness& of_block, const std::string& name, CurvatureReport& report) {
    report.h22 =
        judge_.judge_as_whole(std::move(report.h22.least), std::move(of_block.least.vector), of_block.noise);
    report.h22.message = fmt::format("by a vector within {}: {}", name, report.h22.message);
  }
  void meet(double least, double largest) {
    least_ = std::fmin(least_, least);
    largest_ = std::fmax(largest_, largest);
  }
  void meet(const EigenSummary& found) { meet(found.value - found.residual, found.largest); }
  [[nodiscard]] std::int64_t share(double part) const {
    return std::max(kLeast, static_cast<std::int64_t>(part * static_cast<double>(options_.max_products)));
  }
  [[nodiscard]] std::size_t start_size() const {
    return static_cast<std::size_t>(judge_.operators().layout().size(judge_.comm().rank()));
  }

  const Round& round_;
  const CurvatureOptions& options_;
  CurvatureJudge judge_;
  double least_ = 0, largest_ = 0;  ///< curvature met
};

void check(const SearchState& state, const SearchOptions& options, const CurvatureOptions& curvature) {
  agree(state.comm, [&] {
    for (const std::string& wrong : {options.violation(), curvature.violation()}) {
      if (!wrong.empty()) throw Error(ExitCode::usage, "curvature: " + wrong);
    }
    if (options.products.stands_in())
      throw Error(ExitCode::usage,
                  "curvature: the premises are of the Hessian, not of what stands in its place");
    check_budget(state.objective.tuned().layout(), curvature);
  });
}

}  // namespace

void check_budget(const TunedLayout& layout, const CurvatureOptions& options) {
  const auto blocks = options.blocks ? std::ssize(blocks_of(layout)) : 0;
  const auto least =
      static_cast<std::int64_t>((kNoiseSteps + kLeast * blocks + 2 * layout.p()) / (1 - kOfH22));
  if (options.max_products >= least) return;
  throw Error(
      ExitCode::usage,
      fmt::format("curvature: {} products are too few for {} blocks and {} groups, expected at least {}",
                  options.max_products, blocks, layout.p(), least));
}

int lanczos_basis(const CurvatureOptions& options) noexcept {
  const double products = kOfH22 * static_cast<double>(options.max_products);
  return std::min(options.basis, static_cast<int>(products) - 1);
}

std::string part_name(int block) {
  return block < 0 ? "embeddings" : fmt::format("block {}", block);
}

std::string CurvatureOptions::violation() const {
  if (max_products < 40) return fmt::format("max_products = {} violates max_products >= 40", max_products);
  if (basis < 3) return fmt::format("basis = {} violates basis >= 3", basis);
  if (!(tol > 0)) return fmt::format("tol = {} violates tol > 0", tol);
  if (!(failure > 0) || !(failure < 1)) return fmt::format("failure = {} violates 0 < failure < 1", failure);
  if (damping && (!(*damping >= 0) || !std::isfinite(*damping)))
    return fmt::format("damping = {} violates 0 <= damping < inf", *damping);
  if (density_vectors < 0)
    return fmt::format("density_vectors = {} violates density_vectors >= 0", density_vectors);
  return "";
}

CurvatureReport measure_curvature(const SearchState& state, const SearchOptions& options,
                                  const CurvatureOptions& curvature, const SearchObserver& observer) {
  const auto started = std::chrono::steady_clock::now();
  check(state, options, curvature);
  const auto scope = state.timers.measure("curvature");
  SearchOptions in_lambda = options;
  in_lambda.radius.space = LambdaSpace::linear;
  const Round round = choose_round(state, in_lambda, 0);
  CurvatureReport report;
  Measurement measurement(round, curvature, observer);
  measurement.find_noise(report);
  measurement.judge(report);
  measurement.judge_blocks(report);
  measurement.find_schur(report);
  measurement.find_density(report);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  report.seconds = max_over_ranks(elapsed.count(), state.comm);
  return report;
}

}  // namespace lift
