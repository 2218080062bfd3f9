#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "src/methods/radial_projection.hpp"
#include "src/resume/section.hpp"

namespace lift {

enum class RadiusStatus {
  learned,
  unmoved,  ///< the tensor never left θ0: it has no radius
  excluded
};

/// What a radial projection did to one tensor; all but name, block and status are 0 unless `learned`.
struct TensorRadius {
  std::string name;
  int block = -1;  ///< −1: not in a block
  RadiusStatus status = RadiusStatus::excluded;
  std::int64_t rows = 0;
  std::int64_t active_rows = 0;  ///< those that were shortened
  double distance = 0;           ///< max_r n_r before the last projection (l2: ‖Δ‖_F)
  double radius = 0;             ///< γ
  double ratio = 0;              ///< α = γ/(distance + ε), at most 1: the factor of the longest row
  double kept = 0;               ///< Σ_r n_r after over Σ_r n_r before the last projection
  double start_norm = 0;         ///< max_r n_r of θ0 itself, to measure distance and radius by
};

/// One record for each of `all` tensors of a layout, in order, from norms and radii of their last projection.
///
/// Test  tests/src/methods/test_radius_report.cpp
std::vector<TensorRadius> report_radii(const std::vector<TunedTensor>& all,
                                       const RadialProjection& projection, std::span<const double> norms,
                                       std::span<const double> radii, const at::Tensor& start);

/// Adds records of all tensors of a layout to a resume point, or takes them from one that has them; empty
/// without.
void save_radii(Section& section, const std::vector<TensorRadius>& radii);
[[nodiscard]] std::vector<TensorRadius> load_radii(const Section& section,
                                                   const std::vector<TunedTensor>& all);

}  // namespace lift
