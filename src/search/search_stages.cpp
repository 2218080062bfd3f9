#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "mpi/error.hpp"
#include "src/search/hyperlocal.hpp"
#include "src/search/recovery.hpp"

namespace lift {
namespace {

/// Whatever a search does next; a whole number in a resume point.
enum class Stage { interpolation, corrector, corrector_between, round, rate, done };

void check(const SearchState& state, const SearchOptions& options) {
  if (const auto violation = options.violation(); !violation.empty())
    throw AgreedError(ExitCode::usage, "hyperlocal search: " + violation);
  const bool asked = options.recovery.interpolate || options.direction == DirectionKind::wise;
  if (asked && !state.pretrained.defined())
    throw AgreedError(ExitCode::usage, "hyperlocal search: the way to the pretrained weights needs them");
}

void tell_round(int round, const std::string& name, const RoundSummary& summary,
                const SearchObserver& observer) {
  if (observer.on_round) observer.on_round(round, summary);
  if (!observer.on_stage) return;
  observer.on_stage({.name = name,
                     .t = summary.line.t_star,
                     .selection = summary.line.loss,
                     .losses = summary.line.losses,
                     .message = summary.line.message,
                     .evaluated = summary.line.evaluated});
}

/// A search as a row of stages; between two of them it can be left, and within a stage's corrector.
class Search {
 public:
  Search(const SearchState& state, const SearchOptions& options, const SearchObserver& observer)
      : state_(state), options_(options), observer_(observer) {}

  SearchSummary run() {
    begin();
    std::optional<Checkpoints::Part> part;
    if (state_.checkpoints != nullptr)
      part.emplace(*state_.checkpoints, "search", [this](Section& section) { save(section); });
    try {
      while (stage_ != Stage::done) advance();
    } catch (const AgreedError&) {
      best_->restore();
      throw;
    }
    best_->restore();
    summary_.kept = best_->stage();
    return std::move(summary_);
  }

 private:
  void begin() {
    auto left = state_.checkpoints != nullptr ? state_.checkpoints->take("search") : std::nullopt;
    if (left) return resume(*left);
    best_.emplace(state_, start_loss(state_));
    rho_ = options_.radius.rho;
  }

  void advance() {
    switch (stage_) {
      case Stage::interpolation:
        return interpolation();
      case Stage::corrector:
        return corrector();
      case Stage::corrector_between:
        return corrector_between();
      case Stage::round:
        return round();
      case Stage::rate:
        return rate();
      case Stage::done:
        break;
    }
  }

  void interpolation() {
    if (options_.recovery.interpolate) interpolate(state_, options_, observer_, *best_);
    next(Stage::corrector, options_.recovery.interpolate ? "interpolation" : "");
  }

  void corrector() {
    const bool asked = !options_.recovery.corrector.none();
    if (asked) best_->offer(run_corrector(state_, options_.recovery.corrector, observer_), "corrector");
    best_->restore();
    present_ = before_ = best_->loss();
    if (options_.rounds == 0) return end_rounds(asked ? "corrector" : "");
    next(Stage::round, asked ? "corrector" : "");
  }

  /// What lets the new λ act, and leads W back to where F is stationary.
  void corrector_between() {
    CorrectorOptions between = options_.corrector;
    between.stage = round_;
    const std::string name = fmt::format("corrector before round {}", round_ + 1);
    present_ = run_corrector(state_, between, observer_, name);
    best_->offer(present_, name);
    if (!std::isfinite(present_)) {
      best_->restore();
      present_ = best_->loss();
    }
    next(Stage::round, name);
  }

  void round() {
    SearchOptions current = options_;
    current.radius.rho = rho_;
    const std::string name = fmt::format("round {}", round_ + 1);
    summary_.rounds.push_back(hyperlocal_round(state_, current, round_, observer_, present_));
    const LineSearchSummary& line = summary_.rounds.back().line;
    tell_round(round_, name, summary_.rounds.back(), observer_);
    present_ = line.loss;
    best_->offer(present_, name);
    ++round_;
    if (round_ == options_.rounds || before_ - best_->loss() < options_.min_gain) return end_rounds(name);
    rho_ = next_radius(rho_, line.t_star);
    before_ = best_->loss();
    next(options_.corrector.none() ? Stage::round : Stage::corrector_between, name);
  }

  void end_rounds(const std::string& name) {
    best_->restore();
    if (options_.tune_rate) start_.emplace(state_, best_->loss());
    next(options_.tune_rate ? Stage::rate : Stage::done, name);
  }

  void rate() {
    // One that was left in its midst is not begun again.
    if (state_.checkpoints == nullptr || !state_.checkpoints->left("corrector")) start_->restore();
    const CorrectorOptions corrector = corrector_at_rate(options_, rate_);
    const std::string name = fmt::format("learning rate {:.3g}", corrector.rate);
    best_->offer(run_corrector(state_, corrector, observer_, name), name);
    next(++rate_ == kRateFactors.size() ? Stage::done : Stage::rate, name);
  }

  /// `after`: the stage that was done; "" where there was nothing to do.
  void next(Stage stage, const std::string& after) {
    stage_ = stage;
    if (state_.checkpoints != nullptr && !after.empty())
      state_.checkpoints->stage_done([&] { return fmt::format("search, after {}", after); });
  }

  void save(Section& section) const {
    section.put("stage", static_cast<double>(stage_));
    section.put("round", round_);
    section.put("rate", static_cast<double>(rate_));
    section.put("present", present_);
    section.put("before", before_);
    section.put("rho", rho_);
    best_->save(section, "best_");
    if (start_) start_->save(section, "start_");
  }

  void resume(const Section& section) {
    stage_ = static_cast<Stage>(section.count("stage"));
    round_ = static_cast<int>(section.count("round"));
    rate_ = static_cast<std::size_t>(section.count("rate"));
    present_ = section.number("present");
    before_ = section.number("before");
    rho_ = section.number("rho");
    best_.emplace(state_, 0.0).resume(section, "best_");
    if (section.has("start_w")) start_.emplace(state_, 0.0).resume(section, "start_");
  }

  const SearchState& state_;
  const SearchOptions& options_;
  const SearchObserver& observer_;
  Stage stage_ = Stage::interpolation;
  int round_ = 0;                     ///< of the next round
  std::size_t rate_ = 0;              ///< of kRateFactors, the next
  double present_ = 0;                ///< selection loss of W
  double before_ = 0;                 ///< least selection loss before the round and its corrector
  double rho_ = 0;                    ///< radius of the next round
  std::optional<BestIterate> best_;   ///< there from begin() on
  std::optional<BestIterate> start_;  ///< where each learning rate starts from
  SearchSummary summary_;
};

}  // namespace

SearchSummary hyperlocal_search(const SearchState& state, const SearchOptions& options,
                                const SearchObserver& observer) {
  check(state, options);
  return Search(state, options, observer).run();
}

}  // namespace lift
