#include "src/training/corrector.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "mpi/error.hpp"
#include "mpi/fault.hpp"
#include "src/objective/distributed.hpp"
#include "src/text/batches.hpp"

namespace lift {
namespace {

/// The warm-up counts its epochs from 0; a corrector's stay far above, and apart from those of other stages.
std::int64_t first_epoch(int stage) {
  return (std::int64_t{1} << 40) + (std::int64_t{stage} << 20);
}

}  // namespace

std::string CorrectorOptions::violation() const {
  if (steps < 0) return fmt::format("steps = {} violates steps ≥ 0", steps);
  if (epochs < 0) return fmt::format("epochs = {} violates epochs ≥ 0", epochs);
  if (!(rate > 0) || !std::isfinite(rate)) return fmt::format("rate = {} violates 0 < rate < ∞", rate);
  if (!(clip >= 0) || !std::isfinite(clip)) return fmt::format("clip = {} violates 0 ≤ clip < ∞", clip);
  if (batch < 1) return fmt::format("batch = {} violates batch ≥ 1", batch);
  return "";
}

namespace {

/// One corrector, between two of whose steps it can be left.
class Corrector {
 public:
  Corrector(const Objective& objective, const Regularizer& regularizer, std::span<const double> lambda,
            const SequenceSet& train, const CorrectorOptions& options, const Communicator& comm)
      : options_(options),
        order_(options.seed, train.size(), options.batch),
        steps_(options.total(order_.batches_per_epoch())),
        trainer_(objective, regularizer, lambda, train, options.clip, options.precision, comm) {}

  void resume(const Section& section) {
    trainer_.resume(section);
    total_ = section.number("total");
  }
  void save(Section& section) const {
    trainer_.save(section);
    section.put("total", total_);
  }
  [[nodiscard]] bool done() const { return trainer_.steps() == steps_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  [[nodiscard]] std::int64_t step() const { return trainer_.steps(); }
  [[nodiscard]] CorrectorSummary summary() const {
    return {steps_, steps_ > 0 ? total_ / static_cast<double>(steps_) : 0.0};
  }

  /// Whether any step was made since construction.
  [[nodiscard]] bool advanced() const { return advanced_; }

  void advance() {
    advanced_ = true;
    const std::int64_t step = trainer_.steps(), per_epoch = order_.batches_per_epoch();
    const auto sequences = order_.batch(first_epoch(options_.stage) + step / per_epoch, step % per_epoch);
    try {
      total_ += trainer_.step(sequences, scheduled_rate(options_.schedule, options_.rate, step, steps_)).loss;
    } catch (const AgreedError& error) {
      throw AgreedError(error.code(),
                        fmt::format("corrector stopped after step {} of {}: {}", step, steps_, error.what()));
    }
  }

 private:
  const CorrectorOptions& options_;
  BatchOrder order_;
  std::int64_t steps_;
  Trainer trainer_;
  bool advanced_ = false;
  double total_ = 0;  ///< Σ of the losses of its batches
};

}  // namespace

CorrectorSummary correct(const Objective& objective, const Regularizer& regularizer,
                         std::span<const double> lambda, const SequenceSet& train,
                         const CorrectorOptions& options,
                         const std::function<void(std::int64_t done, std::int64_t total)>& on_progress,
                         const Communicator& comm, Checkpoints* checkpoints) {
  if (const auto violation = options.violation(); !violation.empty()) {
    throw AgreedError(ExitCode::usage, "corrector: " + violation);
  }
  fault_point("corrector");
  Corrector corrector(objective, regularizer, lambda, train, options, comm);
  std::optional<Checkpoints::Part> part;
  if (checkpoints != nullptr) {
    if (const auto left = checkpoints->take("corrector")) corrector.resume(*left);
    part.emplace(*checkpoints, "corrector", [&](Section& section) { corrector.save(section); });
  }
  const auto where = [&] {
    return fmt::format("corrector, step {} of {}", corrector.step(), corrector.steps());
  };
  while (!corrector.done()) {
    corrector.advance();
    if (on_progress) on_progress(corrector.step(), corrector.steps());
    if (checkpoints != nullptr) checkpoints->boundary(where);
  }
  at::Tensor w = objective.tuned().flat();
  broadcast(w, 0, comm);
  // What evaluates W may be left without a point of its own.
  if (checkpoints != nullptr && corrector.advanced()) checkpoints->save(where);
  return corrector.summary();
}

}  // namespace lift
