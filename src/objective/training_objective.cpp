#include "src/objective/training_objective.hpp"

#include <ATen/Context.h>

#include "mpi/error.hpp"

namespace lift {

Tf32Products::Tf32Products() {
  at::globalContext().setFloat32MatmulPrecision("high");
}

Tf32Products::~Tf32Products() {
  at::globalContext().setFloat32MatmulPrecision("highest");
}

struct TrainingObjective::Rounded {
  explicit Rounded(const Objective& objective)
      : model(cast(objective.model(), at::kBFloat16)),
        tuned(model, objective.tuned().layout()),
        rounded(model, tuned, objective.micro_batch(), objective.activations()) {}
  Gpt2 model;
  TunedParameters tuned;
  Objective rounded;
};

TrainingObjective::TrainingObjective(const Objective& objective, TrainingPrecision precision)
    : objective_(objective), precision_(precision) {
  if (precision == TrainingPrecision::model) return;
  if (objective.tuned().flat().scalar_type() != at::kFloat)
    throw Error(ExitCode::internal, "training in bfloat16 or TF32 needs float32 master weights");
  if (precision == TrainingPrecision::bf16) rounded_ = std::make_unique<Rounded>(objective);
}

TrainingObjective::~TrainingObjective() = default;

std::vector<double> TrainingObjective::add_gradient(const SequenceSet& set,
                                                    std::span<const std::int64_t> sequences,
                                                    at::Tensor& gradient) const {
  switch (precision_) {
    case TrainingPrecision::bf16:
      return add_rounded_gradient(set, sequences, gradient);
    case TrainingPrecision::tf32: {
      const Tf32Products products;
      return objective_.add_gradient(set, sequences, gradient);
    }
    case TrainingPrecision::model:
      break;
  }
  return objective_.add_gradient(set, sequences, gradient);
}

std::vector<double> TrainingObjective::add_rounded_gradient(const SequenceSet& set,
                                                            std::span<const std::int64_t> sequences,
                                                            at::Tensor& gradient) const {
  at::Tensor flat = rounded_->tuned.flat();
  flat.copy_(objective_.tuned().flat());
  const WorkCount before = rounded_->rounded.work();
  auto losses = rounded_->rounded.add_gradient(set, sequences, gradient);
  const WorkCount after = rounded_->rounded.work();
  objective_.count_gradients(after.gradient_sequences - before.gradient_sequences,
                             after.prefix_sequences - before.prefix_sequences);
  return losses;
}

bool cpu_multiplies_bf16() noexcept {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

}  // namespace lift
