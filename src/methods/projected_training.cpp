#include "src/methods/projected_training.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/error.hpp"
#include "src/objective/distributed.hpp"
#include "src/text/batches.hpp"
#include "src/training/trainer.hpp"

namespace lift {
namespace {

/// One projected training, between two of whose steps it can be left.
class ProjectedTraining {
 public:
  ProjectedTraining(const SearchState& state, const WarmupOptions& options, const std::string& name,
                    StepProjection& projection)
      : options_(options),
        name_(name),
        order_(options.seed, state.train.size(), options.batch),
        steps_(options.epochs * order_.batches_per_epoch()),
        w_(state.objective.tuned().flat()),
        trainer_(state.objective, state.regularizer, state.lambda, state.train, options.clip,
                 options.precision, state.comm),
        projection_(projection) {}

  void save(Section& section) const {
    trainer_.save(section);
    projection_.save(section);
    section.put("total", total_);
  }
  void resume(const Section& section) {
    trainer_.resume(section);
    projection_.resume(section);
    total_ = section.number("total");
  }
  [[nodiscard]] bool done() const { return trainer_.steps() == steps_; }
  /// Whether any step was made since construction.
  [[nodiscard]] bool advanced() const { return advanced_; }
  [[nodiscard]] std::string where() const {
    return fmt::format("{}, step {} of {}", name_, trainer_.steps(), steps_);
  }
  [[nodiscard]] ProjectedTrainingSummary summary() const {
    return {steps_, steps_ > 0 ? total_ / static_cast<double>(steps_) : 0.0};
  }

  ProjectedStep advance() {
    advanced_ = true;
    const std::int64_t step = trainer_.steps();
    try {
      const Trainer::Step made = train(step);
      project();
      total_ += made.loss;
      return {step + 1, steps_, made.loss, made.gradient_norm};
    } catch (const AgreedError& error) {
      throw AgreedError(error.code(),
                        fmt::format("{} stopped after step {} of {}: {}", name_, step, steps_, error.what()));
    }
  }

 private:
  Trainer::Step train(std::int64_t step) {
    const std::int64_t per_epoch = order_.batches_per_epoch();
    return trainer_.step(order_.batch(step / per_epoch, step % per_epoch),
                         scheduled_rate(options_.schedule, options_.rate, step, steps_),
                         [this](const at::Tensor& gradient) { projection_.see_gradient(gradient); });
  }

  void project() {
    try {
      projection_.after_step(w_);
    } catch (const AgreedError& error) {
      if (error.code() == ExitCode::numerical) trainer_.restore_last_good();
      throw;
    }
  }

  const WarmupOptions& options_;
  const std::string& name_;
  BatchOrder order_;
  std::int64_t steps_;
  at::Tensor w_;  ///< shares the storage of tuned().flat()
  Trainer trainer_;
  StepProjection& projection_;
  bool advanced_ = false;
  double total_ = 0;  ///< Σ of the losses of its batches
};

}  // namespace

ProjectedTrainingSummary train_projected(const SearchState& state, const WarmupOptions& options,
                                         const std::string& name, StepProjection& projection,
                                         const std::function<void(const ProjectedStep&)>& on_step) {
  if (const auto violation = options.violation(); !violation.empty())
    throw AgreedError(ExitCode::usage, fmt::format("{}: {}", name, violation));
  ProjectedTraining training(state, options, name, projection);
  Checkpoints* checkpoints = state.checkpoints;
  std::optional<Checkpoints::Part> part;
  if (checkpoints != nullptr) {
    if (const auto left = checkpoints->take(name)) training.resume(*left);
    part.emplace(*checkpoints, name, [&](Section& section) { training.save(section); });
  }
  const auto where = [&] { return training.where(); };
  while (!training.done()) {
    const ProjectedStep step = training.advance();
    if (on_step) on_step(step);
    if (checkpoints != nullptr) checkpoints->boundary(where);
  }
  at::Tensor w = state.objective.tuned().flat();
  broadcast(w, 0, state.comm);
  // What evaluates W may be left without a point of its own.
  if (checkpoints != nullptr && training.advanced()) checkpoints->save(where);
  return training.summary();
}

void check_pretrained(const SearchState& state) {
  if (!state.pretrained.defined() || state.pretrained.numel() != state.objective.tuned().n())
    throw AgreedError(ExitCode::usage,
                      "a radial projection needs the pretrained values of all tuned weights");
}

RadialProjection projection_of(const SearchState& state, RadialNorm norm,
                               const std::vector<std::string>& excluded) {
  check_pretrained(state);
  std::optional<RadialProjection> projection;
  agree(state.comm, [&] { projection.emplace(state.objective.tuned().layout().tensors(), norm, excluded); });
  return *std::move(projection);
}

}  // namespace lift
