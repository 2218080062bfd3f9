#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "mpi/error.hpp"
#include "mpi/philox.hpp"
#include "src/methods/method_stages.hpp"

namespace lift {
namespace {

/// Trainings one after the other, each from the same start; between two of them the whole can be left, and
/// within one.
class Trainings {
 public:
  Trainings(const SearchState& state, const MethodOptions& options, const SearchObserver& observer)
      : state_(state),
        options_(options),
        observer_(observer),
        plan_(plan_method(options, sizes_of(state))),
        trainings_(planned_trainings(options)),
        chooses_(options.method != Method::train_valid) {}

  MethodSummary run() {
    begin();
    std::optional<Checkpoints::Part> part;
    if (state_.checkpoints != nullptr)
      part.emplace(*state_.checkpoints, "method", [this](Section& section) { save(section); });
    if (options_.method == Method::train_valid) both_ = joined(state_.train, state_.valid);
    while (next_ < trainings_.size()) advance();
    if (chooses_) best_->restore();
    return {.kept = chooses_ ? best_->stage() : last_kept_, .radii = radii_};
  }

 private:
  void begin() {
    std::optional<Section> left;
    if (state_.checkpoints != nullptr) left = state_.checkpoints->take("method");
    if (left) return resume(*left);
    const double nothing = std::numeric_limits<double>::infinity();
    double loss = nothing;
    if (chooses_) loss = start_loss(state_);
    best_.emplace(state_, loss);
    if (options_.from_pretrained) {
      at::Tensor w = state_.objective.tuned().flat();
      w.copy_(state_.pretrained);
    }
    start_.emplace(state_, nothing);
  }

  void advance() {
    const PlannedTraining& training = trainings_[next_];
    // One that was left in its midst is not begun again.
    if (state_.checkpoints == nullptr || !state_.checkpoints->left("trial")) {
      start_->restore();
      if (training.lambda) state_.lambda.assign(state_.lambda.size(), *training.lambda);
    }
    TrialOptions trial = options_.training;
    trial.name = training.name;
    trial.steps = plan_.steps;
    trial.every = chooses_ ? plan_.every : 0;
    const auto projection = make_projection();
    const TrialSummary done = run_trial(state_, set(), trial, chooses_, observer_, projection.get());
    if (projection) radii_ = projection->report(layout().tensors());
    if (observer_.on_stage) observer_.on_stage(stage_of(training.name, done));
    if (chooses_) {
      best_->offer(done.selection, training.name);
    } else {
      last_kept_ = training.name;
    }
    ++next_;
    if (state_.checkpoints != nullptr)
      state_.checkpoints->stage_done([&] { return fmt::format("{}, done", training.name); });
  }

  [[nodiscard]] StageSummary stage_of(const std::string& name, const TrialSummary& done) const {
    const auto steps = static_cast<double>(plan_.steps);
    return {.name = name,
            .t = static_cast<double>(chooses_ ? done.best_step : done.steps) / steps,
            .selection = chooses_ ? done.selection : done.last,
            .losses = done.losses,
            .message = done.message};
  }

  /// Null but for tpgm and ftp.
  [[nodiscard]] std::unique_ptr<StepProjection> make_projection() const {
    if (options_.method == Method::tpgm) return tpgm_projection(state_, options_.tpgm);
    if (options_.method == Method::ftp) return ftp_projection(state_, options_.ftp);
    return nullptr;
  }

  [[nodiscard]] const TunedLayout& layout() const { return state_.objective.tuned().layout(); }

  [[nodiscard]] const SequenceSet& set() const {
    switch (options_.method) {
      case Method::train_valid:
        return both_;
      case Method::validation_steps:
        return state_.valid;
      default:
        return state_.train;
    }
  }

  void save(Section& section) const {
    section.put("next", static_cast<double>(next_));
    section.put_text("last_kept", last_kept_);
    save_radii(section, radii_);
    best_->save(section, "best_");
    start_->save(section, "start_");
  }

  void resume(const Section& section) {
    next_ = static_cast<std::size_t>(section.count("next"));
    last_kept_ = section.text("last_kept");
    radii_ = load_radii(section, layout().tensors());
    best_.emplace(state_, 0.0).resume(section, "best_");
    start_.emplace(state_, 0.0).resume(section, "start_");
  }

  const SearchState& state_;
  const MethodOptions& options_;
  const SearchObserver& observer_;
  MethodPlan plan_;
  std::vector<PlannedTraining> trainings_;
  bool chooses_;
  SequenceSet both_;  ///< train and validation
  std::size_t next_ = 0;
  std::string last_kept_ = "start";
  std::vector<TensorRadius> radii_;          ///< of tpgm and ftp
  std::optional<BestIterate> best_, start_;  ///< there from begin() on
};

std::vector<double> grid_of_lambda(const MethodOptions& options) {
  const double low = std::log(options.lambda_low), high = std::log(options.lambda_high);
  std::vector<double> grid;
  for (int k = 0; k < options.trials; ++k)
    grid.push_back(std::exp(options.trials == 1 ? low : low + (high - low) * k / (options.trials - 1)));
  return grid;
}

/// Log-uniform.
std::vector<double> random_lambda(const MethodOptions& options) {
  const double low = std::log(options.lambda_low), high = std::log(options.lambda_high);
  const Philox philox(options.training.seed, RandomStream::trials);
  std::vector<double> drawn;
  for (int k = 0; k < options.trials; ++k)
    drawn.push_back(std::exp(low + (high - low) * philox.uniform(0, static_cast<std::uint64_t>(k))));
  return drawn;
}

}  // namespace

std::vector<PlannedTraining> planned_trainings(const MethodOptions& options) {
  const bool grid = options.method == Method::grid;
  if (!grid && options.method != Method::random) return {{.name = to_string(options.method)}};
  std::vector<PlannedTraining> trainings;
  for (const double lambda : grid ? grid_of_lambda(options) : random_lambda(options))
    trainings.push_back({.name = fmt::format("lambda {:.3g}", lambda), .lambda = lambda});
  return trainings;
}

MethodSizes sizes_of(const SearchState& state) {
  return {.selection = state.select().size(),
          .tensors = std::ssize(state.objective.tuned().layout().tensors())};
}

MethodSummary run_trainings(const SearchState& state, const MethodOptions& options,
                            const SearchObserver& observer) {
  return Trainings(state, options, observer).run();
}

}  // namespace lift
