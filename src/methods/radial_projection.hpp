#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "src/model/tuning.hpp"

namespace lift {

/// How far a tensor has moved from where it started, Δ = θ − θ0; one radius γ of a tensor bounds it.
enum class RadialNorm {
  l2,   ///< ‖Δ‖_F of the tensor, which is its one row
  mars  ///< Σ|Δ_r| of each output row r: the greatest is the matrix norm induced by the largest entry
};

/// Which rows add to the derivative in a radius.
enum class RadiusRows {
  active,  ///< those that the radius shortens: the derivative
  all      ///< every row, as the authors' FTP adds them; not a derivative once a row lies inside
};

/// The dimension of a stored matrix that counts output rows.
///
/// 0 of embeddings ("wte.weight" [token, width]) and of the factors of a low-rank update (".lora_A" [r, in],
/// ".lora_B" [out, r]); 1 of all others, which GPT-2 stores as [in, out].
[[nodiscard]] int row_dimension(const TunedTensor& tensor);

/// The radial projection of TPGM, tensor by tensor: θ̃_r = θ0_r + min(1, γ/(n_r + ε)) (θ_r − θ0_r), ε = 1e-8.
///
/// Method      Tian et al. 2023, arXiv:2303.10720, and the authors' code. A row with γ < n_r + ε is active
///             and shortened, another keeps its bits: so the longest row is still active at γ = max n_r, the
///             upper bound of γ, and the derivative can lead back from there. For l2 it is the Euclidean
///             projection onto the ball (up to ε), for mars a rescaling of rows into the feasible set. A
///             tensor of one dimension is one row.
/// Shapes      θ, θ0, gradients: flat [n] of the layout whose tensors were given. What is said of rows holds
///             one number a row, tensor after tensor; what is said of radii, one a projected tensor.
/// Types       θ, θ0 and gradients of one floating type and device; sums in float64, by stretches in a fixed
///             order for a number of threads. No graph is needed or made.
/// Limits      excluded tensors are never written, nor is one whose radius is +∞.
/// Collective  never.
/// Throws      the constructor Error(usage) for an exclusion that ends the name of no tensor.
/// Cost        a pass over θ and θ0 for norms and for the projection; a stretch of float64 scratch memory.
/// Test        tests/src/methods/test_radial_projection.cpp
class RadialProjection {
 public:
  /// `excluded`: names of tensors or endings of names (".bias").
  RadialProjection(const std::vector<TunedTensor>& tensors, RadialNorm norm,
                   const std::vector<std::string>& excluded = {});

  /// Those that are projected, in order.
  [[nodiscard]] const std::vector<TunedTensor>& tensors() const noexcept { return tensors_; }
  [[nodiscard]] RadialNorm norm() const noexcept { return norm_; }
  [[nodiscard]] std::size_t row_count() const noexcept { return static_cast<std::size_t>(row_count_); }
  /// Those of `values`, one a row, that belong to projected tensor k.
  [[nodiscard]] std::span<const double> rows_of(std::span<const double> values, std::size_t k) const;

  /// n_r of every row; of θ itself where `start` is undefined.
  [[nodiscard]] std::vector<double> norms(const at::Tensor& theta, const at::Tensor& start) const;
  /// ⟨gradient_r, θ_r − θ0_r⟩ of every row.
  [[nodiscard]] std::vector<double> products(const at::Tensor& gradient, const at::Tensor& theta,
                                             const at::Tensor& start) const;

  /// max_r n_r of each tensor, the upper bound of its radius; 0 of one that never moved.
  [[nodiscard]] std::vector<double> largest(std::span<const double> norms) const;
  /// Half the least n_r among the rows that moved: where a radius begins. 0 for a tensor that never moved.
  [[nodiscard]] std::vector<double> initial_radii(std::span<const double> norms) const;
  /// What each row's way from θ0 is multiplied by, in [0, 1]; 1 of a row that is not active.
  [[nodiscard]] std::vector<double> factors(std::span<const double> norms,
                                            std::span<const double> radii) const;
  /// dL/dγ = Σ_r ⟨∇_r L(θ̃), Δ_r⟩/(n_r + ε) over active rows, from products() with the gradient at θ̃.
  [[nodiscard]] std::vector<double> radius_gradient(std::span<const double> products,
                                                    std::span<const double> norms,
                                                    std::span<const double> radii,
                                                    RadiusRows rows = RadiusRows::active) const;

  /// out ← θ̃, with norms = norms(θ, θ0). `out` may be θ; what is not projected is then not touched.
  void project(at::Tensor& out, const at::Tensor& theta, const at::Tensor& start,
               std::span<const double> norms, std::span<const double> radii) const;

 private:
  /// A tensor as a matrix [height, width] whose rows, in the sense of the norm, are counted by `dimension`.
  struct Rows {
    std::int64_t height, width;
    int dimension;
    std::int64_t first;  ///< index of its first row among all
    [[nodiscard]] std::int64_t count() const { return dimension == 0 ? height : width; }
  };
  using Part = std::function<at::Tensor(const at::Tensor& flat)>;
  [[nodiscard]] Rows rows_in(const TunedTensor& tensor) const;
  [[nodiscard]] at::Tensor matrix(const at::Tensor& flat, std::size_t k) const;
  /// Σ over each row of terms(part), where part(flat) is a stretch of a flat tensor in float64.
  [[nodiscard]] std::vector<double> row_sums(const at::Tensor& like,
                                             const std::function<at::Tensor(const Part& part)>& terms) const;

  RadialNorm norm_;
  std::vector<TunedTensor> tensors_;
  std::vector<Rows> rows_;
  std::int64_t row_count_ = 0;
};

}  // namespace lift
