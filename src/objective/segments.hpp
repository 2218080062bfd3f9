#pragma once
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "src/model/tuning.hpp"
#include "src/objective/sequence_loss.hpp"

namespace lift {

/// The losses of a micro-batch as a chain of segments [embeddings,] block, …, block, final norm, head, of
/// which nothing is kept but what enters each: activations inside are made again when a derivative needs
/// them.
///
/// Method      checkpointing at every block (Chen et al. 2016, arXiv:1604.06174), for both derivatives.
///             With s = ⟨a, f(x, w)⟩ of a segment f and the cotangent a of its output, its cotangents are
///             ∇s, and along (ẋ, ẇ, ȧ) they move by ∇⟨∇s, (ẋ, ẇ)⟩ + Jᵀȧ. Tangents ẏ = J(ẋ, ẇ) go up by
///             differentiating Jᵀu in u.
/// Shapes      losses [B] of tokens [B, T]; directions and gradients as the leaves of `tuned`.
/// Ownership   keeps references to model and tuned; W must not move while it lives.
/// Collective  never: local to the rank.
/// Cost        memory: an activation [B, T, width] a block, one more for each direction, and one block's
///             graph. Time: a gradient one more forward pass; a product one more gradient and its double
///             backward.
/// Test        tests/src/objective/test_segments.cpp: against the graph that keeps everything
class SegmentedLosses {
 public:
  /// `hidden`: what enters the first tuned block; undefined where the embeddings are tuned.
  SegmentedLosses(const Gpt2& model, const TunedParameters& tuned, at::Tensor tokens, at::Tensor hidden,
                  Attention attention);

  SegmentedLosses(const SegmentedLosses&) = delete;
  SegmentedLosses& operator=(const SegmentedLosses&) = delete;

  /// One tensor for each leaf of `tuned`; an undefined one where nothing depends on the leaf.
  using Leaves = std::vector<at::Tensor>;

  /// Losses [B] and ∇ Σ losses.
  struct Gradient {
    at::Tensor losses;
    Leaves gradient;
  };
  [[nodiscard]] Gradient gradient() const;
  /// Losses [B] and ∇² Σ losses times each of `directions`.
  struct Products {
    at::Tensor losses;
    std::vector<Leaves> products;
  };
  [[nodiscard]] Products hessian_products(std::span<const Leaves> directions) const;
  /// JᵀH_L J times each of `directions`, as Objective::add_gauss_newton_vectors; the head must be frozen.
  [[nodiscard]] std::vector<Leaves> gauss_newton_products(std::span<const Leaves> directions) const;

 private:
  struct Segment {
    std::function<at::Tensor(const at::Tensor& input)> run;
    std::vector<std::size_t> leaves;  ///< of `tuned`, that it reads
  };
  /// What enters each segment, and how it moves along each direction; a tangent of the first is undefined.
  struct Inputs {
    std::vector<at::Tensor> values;
    std::vector<std::vector<at::Tensor>> tangents;  ///< [segment][direction]
  };
  /// A segment run with a graph: what it may be differentiated in.
  struct Traced {
    at::Tensor output;
    std::vector<at::Tensor> sources;  ///< its input, unless it is the first segment, then its leaves
    std::size_t inputs = 0;           ///< sources that are inputs: 0 or 1
  };

  void add_segment(std::function<at::Tensor(const at::Tensor&)> run, std::span<const std::string> prefixes);
  [[nodiscard]] Traced trace(std::size_t k, const at::Tensor& input) const;
  /// The tangents of the sources of segment k along a direction.
  [[nodiscard]] std::vector<at::Tensor> source_tangents(std::size_t k, const at::Tensor& input_tangent,
                                                        const Leaves& direction) const;
  /// Runs all segments but the head.
  [[nodiscard]] Inputs run_up(std::span<const Leaves> directions) const;
  /// Adds what is after the sources' first `inputs` entries to the leaves of segment k.
  void add_to_leaves(std::size_t k, const std::vector<at::Tensor>& of_sources, std::size_t inputs,
                     Leaves& sum) const;
  /// Pulls the cotangent of what enters segment `last` down to the leaves below it.
  void pull_down(const Inputs& inputs, std::size_t last, at::Tensor cotangent, Leaves& sum) const;

  const TunedParameters& tuned_;
  at::Tensor tokens_;
  at::Tensor head_;
  at::Tensor first_input_;
  std::vector<Segment> segments_;
};

}  // namespace lift
