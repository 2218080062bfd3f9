#include "src/search/recovery.hpp"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/resume/made_once.hpp"
#include "src/search/saved_weights.hpp"

namespace lift {
namespace {

/// The step around which the interpolation begins.
constexpr double kInterpolationSeed = 0.4;

LineSearchSummary search_interpolation(const SearchState& state, const at::Tensor& direction,
                                       double start_loss, const SearchObserver& observer) {
  const auto scope = state.timers.measure("line_search");
  // The slope is not known; with this one small steps are tried as long as evaluations last.
  const LineSearchOptions line{.steps = kInterpolationSteps,
                               .slope = -std::abs(start_loss),
                               .start_loss = start_loss,
                               .seed = kInterpolationSeed,
                               .limit = 1.0};
  const auto on_progress = [&](std::int64_t done, std::int64_t planned) {
    report(observer, "interpolation", done, planned);
  };
  return line_search(state.objective, state.select(), direction, line, on_progress, state.comm,
                     state.checkpoints);
}

void tell(const SearchObserver& observer, const StageSummary& stage) {
  if (observer.on_stage) observer.on_stage(stage);
}

void move_along(const SearchState& state, const at::Tensor& start, const at::Tensor& direction, double t) {
  at::Tensor w = state.objective.tuned().flat();
  step_along(w, start, direction, t);
}

CorrectorSummary train(const SearchState& state, const CorrectorOptions& options,
                       const SearchObserver& observer) {
  const auto scope = state.timers.measure("corrector");
  const auto on_progress = [&](std::int64_t step, std::int64_t steps) {
    report(observer, "corrector", step, steps);
  };
  return correct(state.objective, state.regularizer, state.lambda, state.train, options, on_progress,
                 state.comm, state.checkpoints);
}

}  // namespace

BestIterate::BestIterate(const SearchState& state, double loss)
    : state_(state), w_(state.objective.tuned().flat().clone()), lambda_(state.lambda), loss_(loss) {}

bool BestIterate::offer(double loss, const std::string& name) {
  if (!(loss < loss_)) return false;
  loss_ = loss;
  stage_ = name;
  w_.copy_(state_.objective.tuned().flat());
  lambda_ = state_.lambda;
  return true;
}

void BestIterate::restore() const {
  at::Tensor w = state_.objective.tuned().flat();
  w.copy_(w_);
  state_.lambda = lambda_;
}

void BestIterate::save(Section& section, const std::string& prefix) const {
  section.put(prefix + "w", w_);
  section.put(prefix + "lambda", lambda_);
  section.put(prefix + "loss", loss_);
  section.put_text(prefix + "stage", stage_);
}

void BestIterate::resume(const Section& section, const std::string& prefix) {
  section.load(prefix + "w", w_);
  lambda_ = section.numbers(prefix + "lambda");
  loss_ = section.number(prefix + "loss");
  stage_ = section.text(prefix + "stage");
}

double selection_loss(const SearchState& state) {
  const auto scope = state.timers.measure("line_search");
  const auto evaluate = [&]() -> Made {
    const auto& set = state.select();
    return {{mean_loss(state.objective, set, first_sequences(set.size()), state.comm)}};
  };
  return made_once(state.checkpoints, "selection loss", {state.objective.tuned().flat()}, state.objective,
                   evaluate)
      .numbers.at(0);
}

double start_loss(const SearchState& state) {
  return state.start_loss ? *state.start_loss : selection_loss(state);
}

double run_corrector(const SearchState& state, const CorrectorOptions& options,
                     const SearchObserver& observer, const std::string& name) {
  StageSummary stage{.name = name, .selection = std::numeric_limits<double>::infinity()};
  try {
    const auto done = train(state, options, observer);
    stage.selection = selection_loss(state);
    stage.message =
        fmt::format("{}: {} steps at a mean training loss of {:.4f}; the selection loss is {:.6f}", name,
                    done.steps, done.loss, stage.selection);
  } catch (const AgreedError& error) {
    if (error.code() != ExitCode::numerical) throw;
    stage.message = fmt::format("{} is not used: {}", name, error.what());
  }
  tell(observer, stage);
  return stage.selection;
}

CorrectorOptions corrector_at_rate(const SearchOptions& options, std::size_t k) {
  CorrectorOptions corrector = options.corrector;
  if (corrector.none()) corrector.epochs = 1;
  corrector.stage = options.rounds + 1;
  corrector.rate = kRateFactors.at(k) * options.corrector.rate;
  return corrector;
}

void interpolate(const SearchState& state, const SearchOptions& options, const SearchObserver& observer,
                 BestIterate& best) {
  const RecoveryOptions& recovery = options.recovery;
  const at::Tensor start = state.objective.tuned().flat().clone();
  const at::Tensor direction = state.pretrained - start;
  const auto found = search_interpolation(state, direction, best.loss(), observer);
  move_along(state, start, direction, found.t_star);
  best.offer(found.loss, "interpolation");
  tell(observer, {.name = "interpolation",
                  .t = found.t_star,
                  .selection = found.loss,
                  .losses = found.losses,
                  .message = "towards the pretrained weights: " + found.message,
                  .evaluated = found.evaluated});
  if (!recovery.corrector.none() && found.t_star > 0)
    move_along(state, start, direction, std::min(1.0, recovery.overshoot * found.t_star));
}

}  // namespace lift
