#include "src/search/line_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "mpi/fault.hpp"
#include "mpi/process_grid.hpp"
#include "src/resume/made_once.hpp"
#include "src/search/held_validation.hpp"
#include "src/search/saved_weights.hpp"

namespace lift {
namespace {

constexpr int kWavesAbove = 2;        ///< doublings end at 2^8 times the grid's top
constexpr double kTie = 1e-6;         ///< losses this close, relative to the least, are equal
constexpr double kFloat32 = 0x1p-23;  ///< eps32
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// L_v at whatever steps are asked for, over all ranks.
class Candidates {
 public:
  using Progress = std::function<void(std::int64_t done, std::int64_t planned)>;

  Candidates(const Objective& objective, const SequenceSet& valid, const at::Tensor& direction,
             const Progress& on_progress, const Communicator& comm, Checkpoints* checkpoints)
      : comm_(comm),
        checkpoints_(checkpoints),
        set_digest_(checkpoints == nullptr ? "" : valid.digest()),
        grid_(comm, kLineSearchWave),
        objective_(objective),
        valid_(valid),
        weights_(objective.tuned().flat()),
        direction_(direction),
        on_progress_(on_progress) {}

  /// Takes the loss of a step that was evaluated before.
  void know(double t, double loss) { losses_.emplace_back(t, loss); }

  /// Evaluates those of `steps` that are not known, candidate i of them on group i modulo the number of
  /// groups. Collective.
  void evaluate(std::vector<double> steps) {
    std::erase_if(steps, [this](double t) { return knows(t); });
    if (steps.empty()) return;
    const auto groups = static_cast<std::size_t>(grid_.groups());
    std::vector<double> losses;
    planned_ += steps.size();
    report(0);
    for (std::size_t first = 0; first < steps.size(); first += groups) {
      const auto batch = std::span(steps).subspan(first, std::min(groups, steps.size() - first));
      const auto found = losses_of(batch);
      losses.insert(losses.end(), found.begin(), found.end());
      report(losses.size());
    }
    done_ += steps.size();
    for (std::size_t i = 0; i < steps.size(); ++i) losses_.emplace_back(steps[i], losses[i]);
    std::sort(losses_.begin(), losses_.end());
  }

  /// The least loss and its t, the smallest of equals.
  [[nodiscard]] std::pair<double, double> least() const {
    return *std::ranges::min_element(losses_, {}, &std::pair<double, double>::second);
  }
  /// The smallest t whose loss is within kTie of the least, and its loss.
  [[nodiscard]] std::pair<double, double> best() const {
    const double loss = least().second;
    return *std::ranges::find_if(
        losses_, [loss](const auto& candidate) { return candidate.second <= loss + kTie * std::abs(loss); });
  }

  [[nodiscard]] const std::vector<std::pair<double, double>>& losses() const noexcept { return losses_; }
  [[nodiscard]] double loss_at_start() const { return losses_.front().second; }
  [[nodiscard]] std::int64_t evaluated_by_group() const noexcept { return evaluated_; }

 private:
  [[nodiscard]] bool knows(double t) const {
    return std::ranges::find(losses_, t, &std::pair<double, double>::first) != losses_.end();
  }
  /// Losses of one step for each group of ranks.
  std::vector<double> losses_of(std::span<const double> batch) {
    const auto mine = static_cast<std::size_t>(grid_.group());
    if (mine < batch.size()) ++evaluated_;
    if (checkpoints_ == nullptr) return evaluate_batch(batch);
    std::string label = fmt::format("losses of the sequences {} along a direction, at", set_digest_);
    for (const double t : batch) label += fmt::format(" {:a}", t);
    return made_once(checkpoints_, label, {weights_.start(), direction_}, objective_,
                     [&] { return Made{evaluate_batch(batch)}; })
        .numbers;
  }

  std::vector<double> evaluate_batch(std::span<const double> batch) {
    if (!validation_) validation_.emplace(objective_, valid_, grid_);
    const auto mine = static_cast<std::size_t>(grid_.group());
    std::vector<double> losses(batch.size(), 0.0), share;
    agree(comm_, [&] {
      if (mine < batch.size()) share = losses_at(batch[mine]);
    });
    if (mine < batch.size()) {
      const double loss = validation_->mean(share);
      losses[mine] = grid_.leads() ? loss : 0.0;
    }
    sum_over_ranks(host_buffer(std::span<double>(losses)), comm_);
    return losses;
  }

  /// Losses of this rank's share of the sequences at W0 + t dW, +∞ where one is not finite.
  std::vector<double> losses_at(double t) {
    fault_point("line-search");
    weights_.step(direction_, t);
    return validation_->losses();
  }

  void report(std::size_t done) const {
    if (on_progress_) {
      on_progress_(static_cast<std::int64_t>(done_ + done), static_cast<std::int64_t>(planned_));
    }
  }

  const Communicator& comm_;
  Checkpoints* checkpoints_;
  std::string set_digest_;
  ProcessGrid grid_;
  const Objective& objective_;
  const SequenceSet& valid_;
  std::optional<HeldValidation> validation_;  ///< made where a first loss is asked for
  SavedWeights weights_;
  const at::Tensor& direction_;
  const Progress& on_progress_;
  std::size_t done_ = 0;
  std::size_t planned_ = 0;
  std::int64_t evaluated_ = 0;
  std::vector<std::pair<double, double>> losses_;  ///< by ascending t
};

/// t = k·top/(steps − 1), where top is max_step or the smaller limit; t = 0 alone if that is 0.
std::vector<double> grid_of(const LineSearchOptions& options) {
  const double top = std::min(options.max_step, options.limit);
  if (top == 0) return {0.0};
  std::vector<double> grid;
  for (int k = 0; k < options.steps; ++k) grid.push_back(top * k / (options.steps - 1));
  return grid;
}

/// t·factor, t·factor², …: one wave, without what `admits` refuses.
template <typename Admits>
std::vector<double> wave_from(double t, double factor, Admits&& admits) {
  std::vector<double> wave;
  for (int k = 0; k < kLineSearchWave; ++k) {
    t *= factor;
    if (admits(t)) wave.push_back(t);
  }
  return wave;
}

/// Whether float32 could show what the linear model promises at t.
bool visible(double t, double slope, const Candidates& candidates) {
  return t * -slope >= 4 * kFloat32 * std::abs(candidates.loss_at_start());
}

/// Halves the first step while the least loss is at t = 0 or at the smallest step; true if any was tried.
bool refine_below(Candidates& candidates, double smallest, double slope) {
  const auto admits = [&](double t) { return visible(t, slope, candidates); };
  bool tried = false;
  for (double best = 0; best == 0 || best == smallest; best = candidates.best().first) {
    const auto wave = wave_from(smallest, 0.5, admits);
    if (wave.empty()) break;
    candidates.evaluate(wave);
    smallest = wave.back();
    tried = true;
  }
  return tried;
}

/// Doublings of the largest step, or the limit where there is no room for one.
std::vector<double> wave_above(double largest, double limit) {
  auto wave = wave_from(largest, 2.0, [limit](double t) { return t <= limit; });
  if (wave.empty() && largest < limit) wave.push_back(limit);
  return wave;
}

/// Doubles the grid's top while the least loss is at the largest step; true if any was tried.
bool refine_above(Candidates& candidates, double largest, double limit) {
  bool tried = false;
  for (int k = 0; k < kWavesAbove && candidates.least().first == largest; ++k) {
    const auto wave = wave_above(largest, limit);
    if (wave.empty()) break;
    candidates.evaluate(wave);
    largest = wave.back();
    tried = true;
  }
  return tried;
}

/// Two steps in each of the gaps beside the best one.
std::vector<double> wave_between(const std::vector<std::pair<double, double>>& losses, std::size_t best) {
  std::vector<double> wave;
  for (const std::size_t left : {best - 1, best}) {
    const double from = losses[left].first, gap = losses[left + 1].first - from;
    for (const int third : {1, 2}) wave.push_back(from + gap * third / 3);
  }
  return wave;
}

/// The next wave of a search without a grid; empty where nothing is left to be tried.
std::vector<double> next_wave(const Candidates& candidates, const LineSearchOptions& options) {
  const auto& losses = candidates.losses();
  const auto best = static_cast<std::size_t>(
      std::ranges::find(losses, candidates.best().first, &std::pair<double, double>::first) - losses.begin());
  if (best == 0) {
    return wave_from(losses[1].first, 0.5, [&](double t) { return visible(t, options.slope, candidates); });
  }
  if (best + 1 == losses.size()) return wave_above(losses[best].first, options.limit);
  return wave_between(losses, best);
}

/// Searches around options.seed, which is taken to be no more than what a grid would be doubled to.
void search_from_seed(Candidates& candidates, const LineSearchOptions& options) {
  const double largest = std::exp2(kWavesAbove * kLineSearchWave) * options.max_step;
  const double seed = std::min({options.seed, options.limit, largest});
  std::vector<double> first{0.0};
  for (const double factor : {1.0, 0.5, 0.25, 2.0}) {
    if (seed * factor <= options.limit) first.push_back(seed * factor);
  }
  if (std::ssize(first) > options.steps) first.resize(static_cast<std::size_t>(options.steps));
  candidates.evaluate(first);
  std::int64_t left = options.steps - std::ssize(first);
  while (first.size() > 1 && left > 0 && candidates.loss_at_start() < kInfinity) {
    auto wave = next_wave(candidates, options);
    if (wave.empty()) break;
    if (std::ssize(wave) > left) wave.resize(static_cast<std::size_t>(left));
    left -= std::ssize(wave);
    candidates.evaluate(wave);
  }
}

std::string describe(const LineSearchSummary& summary, const std::vector<double>& grid) {
  const double start = summary.losses.front().second;
  const std::size_t steps = summary.losses.size();
  if (steps == 1) return fmt::format("no step is allowed; the validation loss is {:.6f}", start);
  if (summary.t_star == 0) {
    return fmt::format(
        "none of {} steps from t = {:.3g} lowers the validation loss of {:.6f} by more than {:.0e} of it",
        steps - 1, summary.losses[1].first, start, kTie);
  }
  const char* where = grid.size() < 2                ? ""
                      : summary.t_star < grid[1]     ? ", below the grid"
                      : summary.t_star > grid.back() ? ", beyond the grid"
                                                     : "";
  return fmt::format("the validation loss falls from {:.6f} to {:.6f} at t* = {:.4g}{}, of {} steps", start,
                     summary.loss, summary.t_star, where, steps);
}

}  // namespace

std::string LineSearchOptions::violation() const {
  if (steps < 2) return fmt::format("steps = {} violates steps ≥ 2", steps);
  if (!(max_step > 0) || !std::isfinite(max_step)) {
    return fmt::format("max_step = {} violates 0 < max_step < ∞", max_step);
  }
  if (!std::isfinite(slope)) return fmt::format("slope = {} violates |slope| < ∞", slope);
  if (start_loss && std::isnan(*start_loss)) return "start_loss is not a number";
  if (!(seed >= 0)) return fmt::format("seed = {} violates seed ≥ 0", seed);
  if (!(limit >= 0)) return fmt::format("limit = {} violates limit ≥ 0", limit);
  return "";
}

std::vector<std::pair<double, double>> losses_along(
    const Objective& objective, const SequenceSet& set, const at::Tensor& direction,
    const std::vector<double>& steps,
    const std::function<void(std::int64_t done, std::int64_t planned)>& on_progress, const Communicator& comm,
    Checkpoints* checkpoints) {
  Candidates candidates(objective, set, direction, on_progress, comm, checkpoints);
  candidates.evaluate(steps);
  return candidates.losses();
}

LineSearchSummary line_search(const Objective& objective, const SequenceSet& valid,
                              const at::Tensor& direction, const LineSearchOptions& options,
                              const std::function<void(std::int64_t done, std::int64_t planned)>& on_progress,
                              const Communicator& comm, Checkpoints* checkpoints) {
  if (const auto violation = options.violation(); !violation.empty()) {
    throw AgreedError(ExitCode::usage, "line search: " + violation);
  }
  Candidates candidates(objective, valid, direction, on_progress, comm, checkpoints);
  if (options.start_loss) candidates.know(0, *options.start_loss);
  const bool seeded = options.seed > 0 && options.limit > 0;
  const auto grid = seeded ? std::vector<double>{} : grid_of(options);
  seeded ? search_from_seed(candidates, options) : candidates.evaluate(grid);
  if (candidates.loss_at_start() == kInfinity) {
    throw AgreedError(ExitCode::numerical, "line search: the validation loss at t = 0 is not finite");
  }
  LineSearchSummary summary;
  if (options.refine && grid.size() > 1) {
    summary.refined_above = refine_above(candidates, grid.back(), options.limit);
    if (candidates.best().first == 0) {
      summary.refined_below = refine_below(candidates, grid[1], options.slope);
    }
  }
  summary.losses = candidates.losses();
  std::tie(summary.t_star, summary.loss) = candidates.best();
  summary.evaluated = candidates.evaluated_by_group();
  summary.message = describe(summary, grid);
  return summary;
}

}  // namespace lift
