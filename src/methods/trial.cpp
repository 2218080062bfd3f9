#include "src/methods/trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/text/batches.hpp"

namespace lift {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

/// One trial, between two of whose steps it can be left.
class Trial {
 public:
  Trial(const SearchState& state, const SequenceSet& set, const TrialOptions& options, bool choose,
        const SearchObserver& observer, StepProjection* projection)
      : state_(state),
        options_(options),
        observer_(observer),
        projection_(projection),
        order_(options.seed, set.size(), options.batch),
        trainer_(state.objective, state.regularizer, state.lambda, set, options.clip, options.precision,
                 state.comm),
        w_(state.objective.tuned().flat()) {
    if (choose) best_ = w_.clone();
  }

  TrialSummary run() {
    std::optional<Checkpoints::Part> part;
    std::optional<Section> left;
    if (state_.checkpoints != nullptr) left = state_.checkpoints->take("trial");
    left ? resume(*left) : begin();
    if (state_.checkpoints != nullptr) {
      part.emplace(*state_.checkpoints, "trial", [this](Section& section) { save(section); });
    }
    try {
      while (trainer_.steps() < options_.steps) advance();
    } catch (const AgreedError& error) {
      if (error.code() != ExitCode::numerical) throw;
      trainer_.restore_last_good();
      summary_.last = kNever;
      summary_.message = fmt::format("{} ends at step {}: {}", options_.name, trainer_.steps(), error.what());
    }
    return finish();
  }

 private:
  void begin() {
    if (best_.defined()) evaluate();
  }

  [[nodiscard]] std::string where() const {
    return fmt::format("{}, step {} of {}", options_.name, trainer_.steps(), options_.steps);
  }

  void advance() {
    advanced_ = true;
    const std::int64_t step = trainer_.steps(), per_epoch = order_.batches_per_epoch();
    move(order_.batch(step / per_epoch, step % per_epoch), step);
    report(observer_, options_.name.c_str(), trainer_.steps(), options_.steps);
    if (is_evaluated(trainer_.steps())) evaluate();
    if (state_.checkpoints != nullptr) state_.checkpoints->boundary([this] { return where(); });
  }

  void move(const std::vector<std::int64_t>& sequences, std::int64_t step) {
    const auto scope = state_.timers.measure("method");
    const double rate = scheduled_rate(options_.schedule, options_.rate, step, options_.steps);
    if (projection_ == nullptr) {
      trainer_.step(sequences, rate);
      return;
    }
    trainer_.step(sequences, rate,
                  [this](const at::Tensor& gradient) { projection_->see_gradient(gradient); });
    projection_->after_step(w_);
  }

  [[nodiscard]] bool is_evaluated(std::int64_t step) const {
    return step == options_.steps || (options_.every > 0 && step % options_.every == 0);
  }

  void evaluate() {
    const auto scope = state_.timers.measure("line_search");
    const SequenceSet& set = state_.select();
    const double loss = mean_loss(state_.objective, set, first_sequences(set.size()), state_.comm);
    const auto planned = static_cast<double>(std::max<std::int64_t>(1, options_.steps));
    summary_.losses.emplace_back(static_cast<double>(trainer_.steps()) / planned, loss);
    summary_.last = loss;
    if (!(loss < summary_.selection)) return;
    summary_.selection = loss;
    summary_.best_step = trainer_.steps();
    if (best_.defined()) best_.copy_(w_);
  }

  TrialSummary finish() {
    if (best_.defined()) w_.copy_(best_);
    broadcast(w_, 0, state_.comm);
    // What evaluates W may be left without a point of its own.
    if (state_.checkpoints != nullptr && advanced_) state_.checkpoints->save([this] { return where(); });
    summary_.steps = trainer_.steps();
    if (summary_.message.empty())
      summary_.message = fmt::format("{}: {} steps, the least selection loss {:.6f} after {}", options_.name,
                                     summary_.steps, summary_.selection, summary_.best_step);
    return std::move(summary_);
  }

  void save(Section& section) const {
    trainer_.save(section);
    if (projection_ != nullptr) projection_->save(section);
    if (best_.defined()) section.put("best", best_);
    section.put("best_step", static_cast<double>(summary_.best_step));
    section.put("selection", summary_.selection);
    section.put("last", summary_.last);
    save_curve(section, summary_.losses);
  }

  void resume(const Section& section) {
    trainer_.resume(section);
    if (projection_ != nullptr) projection_->resume(section);
    if (best_.defined()) section.load("best", best_);
    summary_.best_step = section.count("best_step");
    summary_.selection = section.number("selection");
    summary_.last = section.number("last");
    summary_.losses = load_curve(section);
  }

  const SearchState& state_;
  const TrialOptions& options_;
  const SearchObserver& observer_;
  StepProjection* projection_;  ///< may be null
  BatchOrder order_;
  Trainer trainer_;
  at::Tensor w_;           ///< shares the storage of tuned().flat()
  at::Tensor best_;        ///< undefined where nothing is chosen
  bool advanced_ = false;  ///< whether any step was made since construction
  TrialSummary summary_{.selection = kNever, .last = kNever, .losses = {}, .message = {}};
};

}  // namespace

std::string TrialOptions::violation() const {
  if (steps < 0) return fmt::format("steps = {} violates steps ≥ 0", steps);
  if (every < 0) return fmt::format("every = {} violates every ≥ 0", every);
  if (!(rate > 0) || !std::isfinite(rate)) return fmt::format("rate = {} violates 0 < rate < ∞", rate);
  if (!(clip >= 0) || !std::isfinite(clip)) return fmt::format("clip = {} violates 0 ≤ clip < ∞", clip);
  if (batch < 1) return fmt::format("batch = {} violates batch ≥ 1", batch);
  return "";
}

TrialSummary run_trial(const SearchState& state, const SequenceSet& set, const TrialOptions& options,
                       bool choose, const SearchObserver& observer, StepProjection* projection) {
  if (const auto violation = options.violation(); !violation.empty())
    throw AgreedError(ExitCode::usage, "trial: " + violation);
  return Trial(state, set, options, choose, observer, projection).run();
}

SequenceSet joined(const SequenceSet& a, const SequenceSet& b) {
  if (a.length() != b.length())
    throw Error(ExitCode::internal,
                fmt::format("sequences of {} and of {} tokens are not one set", a.length(), b.length()));
  std::vector<Token> tokens;
  tokens.reserve(static_cast<std::size_t>((a.size() + b.size()) * a.length()));
  for (const SequenceSet* set : {&a, &b})
    for (std::int64_t i = 0; i < set->size(); ++i)
      tokens.insert(tokens.end(), (*set)[i].begin(), (*set)[i].end());
  return {std::move(tokens), a.length()};
}

}  // namespace lift
