#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "mpi/error.hpp"
#include "src/methods/method_stages.hpp"
#include "src/methods/weight_problems.hpp"
#include "src/objective/distributed.hpp"

namespace lift {
namespace {

/// A descent whose iterates are offered to the best one as it goes.
class PenaltyStage {
 public:
  PenaltyStage(const SearchState& state, const MethodOptions& options, const SearchObserver& observer)
      : state_(state),
        options_(options),
        observer_(observer),
        plan_(plan_method(options, sizes_of(state))),
        data_{state.objective,        state.regularizer,     state.valid, state.train,
              options.training.batch, options.training.seed, state.comm},
        name_(to_string(options.method)) {}

  MethodSummary run() {
    begin();
    std::optional<Checkpoints::Part> part;
    if (state_.checkpoints != nullptr)
      part.emplace(*state_.checkpoints, "method", [this](Section& section) { save(section); });
    MethodSummary summary;
    if (options_.method == Method::f2sa_lambda) {
      summary.penalty = descend_lambda();
    } else {
      descend_weights(summary);
    }
    best_->restore();
    summary.kept = best_->stage();
    tell(*summary.penalty);
    return summary;
  }

 private:
  void begin() {
    std::optional<Section> left;
    if (state_.checkpoints != nullptr) left = state_.checkpoints->take("method");
    if (left) return resume(*left);
    best_.emplace(state_, start_loss(state_));
    if (options_.from_pretrained) {
      at::Tensor w = state_.objective.tuned().flat();
      w.copy_(state_.pretrained);
    }
    offer(0);
  }

  void descend_weights(MethodSummary& summary) {
    const SplitWeights weights = split_weights(data_, state_.lambda, options_.lower_blocks);
    summary.penalty = descend(
        weights.problem, penalty(), weights.x, weights.y, [this](const PenaltyStep& step) { look(step); },
        state_.checkpoints);
    if (options_.flatness.pairs > 0) report_flatness(weights, summary);
  }

  /// Of where the descent ended, which its last resume point holds, so that it can be begun anew.
  void report_flatness(const SplitWeights& weights, MethodSummary& summary) {
    if (state_.checkpoints != nullptr) state_.checkpoints->poll();
    const double before = forward_units(state_.objective.work());
    FlatnessOptions flatness = options_.flatness;
    flatness.rule = options_.penalty.rule;
    flatness.rate = options_.penalty.inner_rate;
    const std::int64_t draws_of_a_step = std::int64_t{options_.penalty.inner} + 1;
    summary.flatness = measure_flatness(
        weights.problem, weights.x, weights.y, flatness, plan_.steps * draws_of_a_step,
        [this](std::int64_t done, std::int64_t total) { report(observer_, "flatness", done, total); });
    summary.reported_units = forward_units(state_.objective.work()) - before;
  }

  PenaltySummary descend_lambda() {
    const RegularizedWeights weights = regularized_weights(data_, state_.lambda);
    if (x_.defined()) at::Tensor(weights.x).copy_(x_);
    x_ = weights.x;
    return descend(
        weights.problem, penalty(), weights.x, weights.y,
        [&](const PenaltyStep& step) {
          state_.lambda = lambda_of(weights.x);
          look(step);
        },
        state_.checkpoints);
  }

  [[nodiscard]] PenaltyOptions penalty() const {
    PenaltyOptions penalty = options_.penalty;
    penalty.method = *penalty_method(options_.method);
    penalty.steps = plan_.steps;
    return penalty;
  }

  void look(const PenaltyStep& step) {
    report(observer_, name_.c_str(), step.step, plan_.steps);
    if (step.step == plan_.steps || step.step % plan_.every == 0) offer(step.step);
  }

  void offer(std::int64_t step) {
    const auto scope = state_.timers.measure("line_search");
    const SequenceSet& set = state_.select();
    const double loss = mean_loss(state_.objective, set, first_sequences(set.size()), state_.comm);
    const double part = static_cast<double>(step) / static_cast<double>(plan_.steps);
    losses_.emplace_back(part, loss);
    if (best_->offer(loss, name_)) best_part_ = part;
  }

  void tell(const PenaltySummary& done) const {
    if (!observer_.on_stage) return;
    observer_.on_stage(
        {.name = name_,
         .t = best_part_,
         .selection = best_->loss(),
         .losses = losses_,
         .message = fmt::format("{}: {}; {} partial gradients; the least selection loss {:.6f}", name_,
                                done.message, done.count.total(), best_->loss())});
  }

  void save(Section& section) const {
    best_->save(section, "best_");
    section.put("best_part", best_part_);
    if (x_.defined()) section.put("x", x_);
    save_curve(section, losses_);
  }

  void resume(const Section& section) {
    best_.emplace(state_, 0.0).resume(section, "best_");
    best_part_ = section.number("best_part");
    if (section.has("x")) x_ = section.tensor("x");
    losses_ = load_curve(section);
  }

  const SearchState& state_;
  const MethodOptions& options_;
  const SearchObserver& observer_;
  MethodPlan plan_;
  WeightData data_;
  std::string name_;
  std::optional<BestIterate> best_;  ///< there from begin() on
  double best_part_ = 0;
  at::Tensor x_;  ///< log λ of f2sa_lambda, to the last bit; undefined otherwise
  LossCurve losses_;
};

}  // namespace

MethodSummary run_penalty(const SearchState& state, const MethodOptions& options,
                          const SearchObserver& observer) {
  return PenaltyStage(state, options, observer).run();
}

}  // namespace lift
