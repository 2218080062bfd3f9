#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "src/objective/objective.hpp"

namespace lift {

/// What the gradients of optimiser steps are computed in; nothing else is: losses that choose, g, curvature
/// products and all sums stay in the type of the model.
enum class TrainingPrecision {
  model,  ///< the model's type
  tf32,   ///< float32 whose matrix products round their factors to TF32, on a GPU
  bf16    ///< bfloat16, from float32 master weights
};

/// Lets float32 matrix products on a GPU round their factors to TF32 while it lives; without it none of
/// cuBLAS does. (Fused attention splits float32 over three TF32 products, with float32's accuracy, in any
/// case.)
class Tf32Products {
 public:
  Tf32Products();
  ~Tf32Products();
  Tf32Products(const Tf32Products&) = delete;
  Tf32Products& operator=(const Tf32Products&) = delete;
};

/// Gradients of the loss for optimiser steps, in the precision chosen for them.
///
/// Method      bf16: a copy of the model in bfloat16, to whose tuned tensors W is rounded before each
///             gradient (Micikevicius et al. 2018; without loss scaling, which bfloat16's exponent does
///             not need). Log-sum-exp and the sums over sequences, micro-batches and ranks are in float32
///             and float64.
/// Types       bf16 and tf32 need a float32 model; gradients are in the model's type.
/// Ownership   keeps a reference to `objective`, counts its work there; bf16 owns a copy of the model.
/// Collective  never: local to the rank.
/// Throws      the constructor Error(internal) for another model type; add_gradient as Objective's.
/// Cost        bf16: two bytes a weight of the model, and a pass over W a gradient.
/// Test        tests/src/objective/test_training_objective.cpp
class TrainingObjective {
 public:
  TrainingObjective(const Objective& objective, TrainingPrecision precision);
  ~TrainingObjective();
  TrainingObjective(const TrainingObjective&) = delete;
  TrainingObjective& operator=(const TrainingObjective&) = delete;

  /// Adds Σ ∇L at W to `gradient` [n]; returns each sequence's loss.
  std::vector<double> add_gradient(const SequenceSet& set, std::span<const std::int64_t> sequences,
                                   at::Tensor& gradient) const;
  [[nodiscard]] const TunedParameters& tuned() const noexcept { return objective_.tuned(); }

 private:
  struct Rounded;
  std::vector<double> add_rounded_gradient(const SequenceSet& set, std::span<const std::int64_t> sequences,
                                           at::Tensor& gradient) const;

  const Objective& objective_;
  TrainingPrecision precision_;
  std::unique_ptr<Rounded> rounded_;  ///< of bf16
};

/// Whether this processor is known to multiply bfloat16 in hardware (AVX-512 BF16, which every one with AMX
/// has); without it bfloat16 is slower than float32.
[[nodiscard]] bool cpu_multiplies_bf16() noexcept;

}  // namespace lift
