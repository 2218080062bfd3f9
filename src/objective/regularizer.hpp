#pragma once
#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "src/model/tuning.hpp"

namespace lift {

/// Σ_i λ_i R_i with R_i(W) = ‖W_i − c_i‖² over regularisation group i, and its exact derivatives (`l2`: c =
/// 0).
///
/// Written as what it adds, so that it never needs a graph: ∇ = 2λ_i(W_i − c_i), ∇² = 2λ_i on group i, and
/// H21 = ∂²F/∂W∂λ whose column i is 2(W_i − c_i) on group i and zero elsewhere.
///
/// Shapes  W, v: [n]; λ: [p].
/// Types   W, v and c of one floating type and device; sums in float64.
/// Test    tests/src/objective/test_regularizer.cpp against autograd
class Regularizer {
 public:
  /// `center` c [n], or an undefined tensor for c = 0 (`l2`).
  explicit Regularizer(TunedLayout layout, at::Tensor center = {});
  [[nodiscard]] int p() const noexcept { return layout_.p(); }
  [[nodiscard]] const TunedLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] const at::Tensor& center() const noexcept { return center_; }  ///< undefined for 0
  /// R_i(W) for each group.
  [[nodiscard]] std::vector<double> values(const at::Tensor& w) const;
  /// gradient += 2 λ_i (W_i − c_i).
  void add_gradient(std::span<const double> lambda, const at::Tensor& w, at::Tensor& gradient) const;
  /// The same for the tensors of `part` alone, whose coordinates `gradient` has.
  void add_part_gradient(std::span<const double> lambda, const at::Tensor& w, TensorRange part,
                         at::Tensor& gradient) const;
  /// product += 2 λ_i v_i.
  void add_hessian_vector(std::span<const double> lambda, const at::Tensor& v, at::Tensor& product) const;
  /// product += H21 x with x [p]: x_i 2 (W_i − c_i) on group i.
  void add_cross(std::span<const double> x, const at::Tensor& w, at::Tensor& product) const;
  /// vᵀH21: for each group 2 (W_i − c_i)·v_i.
  [[nodiscard]] std::vector<double> cross(const at::Tensor& w, const at::Tensor& v) const;

 private:
  /// W_k − c_k for tensor k.
  [[nodiscard]] at::Tensor distance(const at::Tensor& w, const TunedTensor& tensor) const;

  TunedLayout layout_;
  at::Tensor center_;
};

}  // namespace lift
