#include "src/training/trainer.hpp"

#include <ATen/ops/empty_like.h>
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "mpi/error.hpp"
#include "mpi/fault.hpp"
#include "src/objective/distributed.hpp"

namespace lift {

double scheduled_rate(Schedule schedule, double rate, std::int64_t step, std::int64_t steps) noexcept {
  const double done = static_cast<double>(step) / static_cast<double>(steps);
  switch (schedule) {
    case Schedule::cosine:
      return rate * 0.5 * (1 + std::cos(std::numbers::pi * done));
    case Schedule::linear:
      return rate * (1 - done);
    case Schedule::constant:
      break;
  }
  return rate;
}

Trainer::Trainer(const Objective& objective, const Regularizer& regularizer, std::span<const double> lambda,
                 const SequenceSet& train, double clip, TrainingPrecision precision, const Communicator& comm)
    : objective_(objective, precision),
      train_(train),
      clip_(clip),
      comm_(comm),
      w_(objective.tuned().flat()),
      last_good_(w_.clone()),
      adam_(w_, regularizer, lambda, {}) {}

Trainer::Step Trainer::step(std::span<const std::int64_t> sequences, double rate,
                            const std::function<void(const at::Tensor& gradient)>& on_gradient) {
  LossAndGradient f;
  try {
    f = mean_gradient(objective_, train_, sequences, comm_);
  } catch (const AgreedError& error) {
    if (error.code() == ExitCode::numerical) restore_last_good();
    throw;
  }
  fault_point("step");
  if (on_gradient) on_gradient(f.gradient);
  last_good_.copy_(w_);
  const double norm = adam_.step(w_, f.gradient, rate, clip_);
  if (!std::isfinite(norm))
    throw AgreedError(
        ExitCode::numerical,
        fmt::format("the gradient of step {} is not finite (learning rate {:.3g})", adam_.steps() + 1, rate));
  return {f.loss, norm};
}

void Trainer::save(Section& section) const {
  section.put("steps", static_cast<double>(adam_.steps()));
  section.put("first_moments", adam_.moments().first);
  section.put("second_moments", adam_.moments().second);
  section.put("last_good", last_good_);
}

void Trainer::resume(const Section& section) {
  section.load("last_good", last_good_);
  at::Tensor first = at::empty_like(w_), second = at::empty_like(w_);
  section.load("first_moments", first);
  section.load("second_moments", second);
  adam_.resume(first, second, section.count("steps"));
}

}  // namespace lift
