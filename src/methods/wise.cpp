#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>

#include "src/methods/method_stages.hpp"
#include "src/search/line_search.hpp"
#include "src/search/saved_weights.hpp"

namespace lift {
namespace {

/// Selection losses at `steps` equal parts of `direction`, both ends among them, and a step to the best.
LineSearchSummary step_to_best(const SearchState& state, const at::Tensor& direction, int steps, double loss,
                               const SearchObserver& observer) {
  const auto scope = state.timers.measure("line_search");
  const LineSearchOptions line{.steps = steps, .max_step = 1.0, .start_loss = loss, .refine = false};
  const auto on_progress = [&](std::int64_t done, std::int64_t planned) {
    report(observer, "interpolation", done, planned);
  };
  auto found = line_search(state.objective, state.select(), direction, line, on_progress, state.comm,
                           state.checkpoints);
  at::Tensor w = state.objective.tuned().flat();
  step_along(w, w, direction, found.t_star);
  return found;
}

/// The way back of one tensor after the other.
class TensorsInTurn {
 public:
  TensorsInTurn(const SearchState& state, const MethodOptions& options, const SearchObserver& observer)
      : state_(state), options_(options), observer_(observer), layout_(state.objective.tuned().layout()) {}

  MethodSummary run() {
    std::optional<Section> left;
    if (state_.checkpoints != nullptr) left = state_.checkpoints->take("method");
    left ? resume(*left) : begin();
    std::optional<Checkpoints::Part> part;
    if (state_.checkpoints != nullptr)
      part.emplace(*state_.checkpoints, "method", [this](Section& section) { save(section); });
    while (shares_.size() < layout_.tensors().size()) advance();
    return finish();
  }

 private:
  void begin() { loss_ = start_ = start_loss(state_); }

  void advance() {
    const TunedTensor& tensor = layout_.tensors()[shares_.size()];
    const at::Tensor& w = state_.objective.tuned().flat();
    at::Tensor direction = at::zeros_like(w);
    direction.narrow(0, tensor.offset, tensor.size)
        .copy_(state_.pretrained.narrow(0, tensor.offset, tensor.size) -
               w.narrow(0, tensor.offset, tensor.size));
    const auto found = step_to_best(state_, direction, options_.tensor_steps, loss_, observer_);
    loss_ = found.loss;
    evaluated_ += found.evaluated;
    shares_.push_back(found.t_star);
    if (state_.checkpoints != nullptr)
      state_.checkpoints->stage_done([&] { return fmt::format("wise-tensors, after {}", tensor.name); });
  }

  MethodSummary finish() {
    MethodSummary summary{.kept = loss_ < start_ ? "wise-tensors" : "start"};
    for (std::size_t k = 0; k < shares_.size(); ++k)
      summary.shares.push_back({layout_.tensors()[k].name, shares_[k]});
    const auto moved = shares_.size() - static_cast<std::size_t>(std::ranges::count(shares_, 0.0));
    if (observer_.on_stage)
      observer_.on_stage(
          {.name = "wise-tensors",
           .selection = loss_,
           .message = fmt::format("{} of {} tensors were led back, the selection loss from {:.6f} to "
                                  "{:.6f}",
                                  moved, shares_.size(), start_, loss_),
           .evaluated = evaluated_});
    return summary;
  }

  void save(Section& section) const {
    section.put("shares", shares_);
    section.put("loss", loss_);
    section.put("start", start_);
  }

  void resume(const Section& section) {
    shares_ = section.numbers("shares");
    loss_ = section.number("loss");
    start_ = section.number("start");
  }

  const SearchState& state_;
  const MethodOptions& options_;
  const SearchObserver& observer_;
  const TunedLayout& layout_;
  std::vector<double> shares_;   ///< of the tensors that are done
  double loss_ = 0, start_ = 0;  ///< selection losses, now and at W0
  std::int64_t evaluated_ = 0;
};

}  // namespace

MethodSummary run_wise(const SearchState& state, const MethodOptions& options,
                       const SearchObserver& observer) {
  const at::Tensor direction = state.pretrained - state.objective.tuned().flat();
  const auto found = step_to_best(state, direction, options.grid_steps, start_loss(state), observer);
  if (observer.on_stage)
    observer.on_stage({.name = "wise",
                       .t = found.t_star,
                       .selection = found.loss,
                       .losses = found.losses,
                       .message = "towards the pretrained weights: " + found.message,
                       .evaluated = found.evaluated});
  return {.kept = found.t_star > 0 ? "wise" : "start"};
}

MethodSummary run_wise_tensors(const SearchState& state, const MethodOptions& options,
                               const SearchObserver& observer) {
  return TensorsInTurn(state, options, observer).run();
}

}  // namespace lift
