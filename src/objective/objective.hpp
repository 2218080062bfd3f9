#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "src/model/tuning.hpp"
#include "src/objective/sequence_loss.hpp"
#include "src/text/corpus.hpp"

namespace lift {

class SegmentedLosses;

/// How often each kind of work was done on this rank, in sequences; a gradient and an HVP of one sequence
/// count one each.
struct WorkCount {
  std::int64_t loss_sequences = 0;
  std::int64_t gradient_sequences = 0;
  std::int64_t hvp_sequences = 0;
  std::int64_t prefix_sequences = 0;  ///< sequences whose frozen blocks below the first tuned one were run
};

/// What a derivative keeps of the forward pass: every activation, or what enters each block, the rest being
/// made again (SegmentedLosses).
enum class Activations { keep, recompute };

/// What the phases of a run cost, told by the work of one rank.
///
/// Units  one forward pass of one sequence is 1, a gradient 3, a curvature product 8.7: an exact one alone
///        takes 2.9 gradients on the stand-in's shape, one of four on a graph 2.0 [measured,
///        tests/bench/bench_hvp]; what the held frozen blocks spare is not taken off.
[[nodiscard]] double forward_units(const WorkCount& work) noexcept;

/// Sums over sequences of the loss L, its gradient and its Hessian-vector products in W, on this rank.
///
/// Sums, not means: whoever has summed over all ranks divides once by the number of sequences. Work is cut
/// into micro-batches, which bound the memory and change results by rounding only. The frozen blocks below
/// the first tuned block run without a graph, and no gradient of a frozen tensor is ever made.
///
/// Shapes      W, v, gradients: [n] in TunedLayout's order. Units: nats/token summed over sequences.
/// Types       the model's type and device, but gradients of a bfloat16 model are added up in float32;
///             products need a float32 or float64 model. `v` is not modified.
/// Ownership   keeps references; model and tuned must outlive it.
/// Collective  never: local to the rank.
/// Throws      Error(numerical) naming the first sequence whose loss is not finite; Error(internal) for a
///             tensor that is not [n] of the model's type.
/// Cost        an HVP is two backward passes with the graph of the first kept (Pearlmutter 1994, Neural
///             Comput. 6:147); time and memory as multiples of a gradient: tests/bench/bench_hvp.
/// Test        tests/src/objective/test_objective.cpp: central difference, symmetry, reference.json, a wrong
///             gradient.
class Objective {
 public:
  Objective(const Gpt2& model, const TunedParameters& tuned, int micro_batch,
            Activations activations = Activations::keep);

  /// Loss of each of `sequences`, in their order, float64.
  [[nodiscard]] std::vector<double> losses(const SequenceSet& set,
                                           std::span<const std::int64_t> sequences) const;
  /// Adds Σ ∇L to `gradient` [n]; returns each sequence's loss.
  std::vector<double> add_gradient(const SequenceSet& set, std::span<const std::int64_t> sequences,
                                   at::Tensor& gradient) const;
  /// Adds Σ ∇L in the tensors of `part` alone to `gradient` [their coordinates]. Blocks below the lowest of
  /// them run without a graph; counted as a whole gradient.
  std::vector<double> add_part_gradient(const SequenceSet& set, std::span<const std::int64_t> sequences,
                                        TensorRange part, at::Tensor& gradient) const;
  /// Adds Σ ∇²L v to `product` [n].
  void add_hessian_vector(const SequenceSet& set, std::span<const std::int64_t> sequences,
                          const at::Tensor& v, at::Tensor& product) const;
  /// Adds Σ ∇²L v_j to `products[j]` for several v at once: one forward and one first backward pass of a
  /// micro-batch serve all of them. The same bits as one by one, in about two thirds of the time for four,
  /// and with little more memory than one; where activations are recomputed, each holds a tangent a block.
  void add_hessian_vectors(const SequenceSet& set, std::span<const std::int64_t> sequences,
                           std::span<const at::Tensor> v, std::span<at::Tensor> products) const;

  /// Adds Σ JᵀH_L J v_j, the Gauss–Newton products, to `products[j]`: J is the Jacobian of the hidden states
  /// after ln_f in W, H_L the Hessian of the loss in them (Schraudolph 2002, Neural Comput. 14:1723).
  ///
  /// Method  J v by differentiating Jᵀu in u (the double-backward trick), H_L in closed form, Jᵀ by a
  ///         backward pass. Positive semidefinite, because the loss is convex in the hidden states.
  ///         Counted as an HVP.
  /// Limits  not where the embeddings are tuned, whose head is in W: Error(usage).
  void add_gauss_newton_vectors(const SequenceSet& set, std::span<const std::int64_t> sequences,
                                std::span<const at::Tensor> v, std::span<at::Tensor> products) const;

  /// Hidden states that enter the first tuned block, [sequences, T, width] in their order: they depend on
  /// frozen tensors alone, so that losses_from() gives the losses for any W. Undefined where the embeddings
  /// are tuned.
  [[nodiscard]] at::Tensor prefix(const SequenceSet& set, std::span<const std::int64_t> sequences) const;
  /// As losses(), bit for bit, from `hidden` = prefix(set, sequences).
  [[nodiscard]] std::vector<double> losses_from(const at::Tensor& hidden, const SequenceSet& set,
                                                std::span<const std::int64_t> sequences) const;

  [[nodiscard]] const Gpt2& model() const noexcept { return *model_; }
  [[nodiscard]] const TunedParameters& tuned() const noexcept { return *tuned_; }
  [[nodiscard]] int micro_batch() const noexcept { return micro_batch_; }
  [[nodiscard]] Activations activations() const noexcept { return activations_; }
  [[nodiscard]] const WorkCount& work() const noexcept { return work_; }
  /// Counts work that was done before the run was left and taken up again.
  void count(const WorkCount& work) const noexcept {
    work_.loss_sequences += work.loss_sequences;
    work_.gradient_sequences += work.gradient_sequences;
    work_.hvp_sequences += work.hvp_sequences;
    work_.prefix_sequences += work.prefix_sequences;
  }
  /// Counts gradients that were made for this objective elsewhere (TrainingObjective).
  void count_gradients(std::int64_t sequences, std::int64_t prefixes) const noexcept {
    work_.gradient_sequences += sequences;
    work_.prefix_sequences += prefixes;
  }
  /// Tokens [B, T] int64 of some sequences on the model's device.
  [[nodiscard]] at::Tensor tokens(const SequenceSet& set, std::span<const std::int64_t> sequences) const;

 private:
  using Sequences = std::span<const std::int64_t>;
  [[nodiscard]] at::Tensor prefix_of(const at::Tensor& tokens) const;
  /// Losses [B] of a micro-batch, and the gradients of their sum in the tensors of `part`.
  std::vector<at::Tensor> part_gradients(const at::Tensor& tokens, TensorRange part,
                                         at::Tensor& losses) const;
  /// What leaves block last − 1 of what enters block `first`, or of the embeddings where that is undefined.
  [[nodiscard]] at::Tensor run_without_graph(const at::Tensor& tokens, const at::Tensor& entering, int first,
                                             int last) const;
  /// Losses [B] of a micro-batch, with a graph down to W if gradients are enabled.
  [[nodiscard]] at::Tensor graph_losses(const at::Tensor& tokens, const at::Tensor& hidden,
                                        Attention attention) const;
  void check_flat(const at::Tensor& flat, at::ScalarType type, const char* name) const;
  void check_products(std::span<const at::Tensor> v, std::span<const at::Tensor> products) const;
  void add_gauss_newton_batch(const at::Tensor& tokens, std::span<const at::Tensor> v,
                              std::span<at::Tensor> products) const;
  /// The parts of a flat tensor in the shapes of the leaves.
  [[nodiscard]] std::vector<at::Tensor> parts_of(const at::Tensor& flat) const;
  [[nodiscard]] std::vector<std::vector<at::Tensor>> parts_of(std::span<const at::Tensor> flats) const;
  /// Adds what is defined of `parts`, in the shapes of the leaves, to a flat tensor.
  void add_parts(const std::vector<at::Tensor>& parts, at::Tensor& flat) const;
  [[nodiscard]] SegmentedLosses segmented(const at::Tensor& tokens, Attention attention) const;

  const Gpt2* model_;
  const TunedParameters* tuned_;
  int micro_batch_;
  Activations activations_;
  mutable WorkCount work_;
};

}  // namespace lift
