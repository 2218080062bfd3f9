#include "src/training/corrector.hpp"

#include <fmt/format.h>

#include <cmath>

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

CorrectorSummary correct(const Objective& objective, const Regularizer& regularizer,
                         std::span<const double> lambda, const SequenceSet& train,
                         const CorrectorOptions& options,
                         const std::function<void(std::int64_t done, std::int64_t total)>& on_progress,
                         const Communicator& comm) {
  if (const auto violation = options.violation(); !violation.empty()) {
    throw AgreedError(ExitCode::usage, "corrector: " + violation);
  }
  const BatchOrder order(options.seed, train.size(), options.batch);
  const std::int64_t per_epoch = order.batches_per_epoch();
  const std::int64_t steps = options.total(per_epoch);
  fault_point("corrector");
  Trainer trainer(objective, regularizer, lambda, train, options.clip, options.precision, comm);
  double total = 0;
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto sequences = order.batch(first_epoch(options.stage) + step / per_epoch, step % per_epoch);
    try {
      total += trainer.step(sequences, scheduled_rate(options.schedule, options.rate, step, steps)).loss;
    } catch (const AgreedError& error) {
      throw AgreedError(error.code(),
                        fmt::format("corrector stopped after step {} of {}: {}", step, steps, error.what()));
    }
    if (on_progress) on_progress(step + 1, steps);
  }
  at::Tensor w = objective.tuned().flat();
  broadcast(w, 0, comm);
  return {steps, steps > 0 ? total / static_cast<double>(steps) : 0.0};
}

}  // namespace lift
