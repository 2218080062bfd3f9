#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpi/shard_map.hpp"
#include "src/model/tuning.hpp"

namespace lift {

enum class LambdaSpace { log, linear };
/// λ is not carried below this in log space, where it would never come back.
inline constexpr double kLambdaFloor = 1e-8;

enum class RadiusUnit { rms, absolute, norm };
/// The set that d is sought in.
enum class TrustRegion {
  box,        ///< |dλ_i| ≤ s_λ, |dW_k| ≤ ρ_k
  ball,       ///< ‖(dλ/s_λ, dW/(ρ_k √n))‖₂ ≤ 1: its dW is as long as that of a vertex of the box
  two_balls,  ///< ‖dλ/s_λ‖₂ ≤ 1 and ‖dW/(ρ_k √n)‖₂ ≤ 1
  box_ball,   ///< |dλ_i| ≤ s_λ and ‖dW/(ρ_k √n)‖₂ ≤ 1
  none        ///< dW free, as printed in the paper
};
/// Whether dW is sought in a ball, alone or with dλ.
[[nodiscard]] bool bounds_weights_by_a_ball(TrustRegion region) noexcept;
/// Whether dλ is.
[[nodiscard]] bool bounds_lambda_by_a_ball(TrustRegion region) noexcept;

/// Bounds u of the box LP over (dλ, dW).
struct RadiusOptions {
  double rho = 0.01;  ///< radius of dW
  /// rms: ρ_k = ρ·max(RMS(tensor of k), 0.1·RMS(all)); absolute: ρ_k = ρ; norm: ρ_k = ρ/√n, so that ‖dW‖₂ = ρ
  /// at a vertex. n counts the coordinates that have a box.
  RadiusUnit unit = RadiusUnit::rms;
  LambdaSpace space = LambdaSpace::log;
  std::optional<double> lambda_scale = {};  ///< s_λ; without it log 4 in log space, in linear λ_i
  /// "" when valid, else as "rho = -1 violates rho > 0".
  [[nodiscard]] std::string violation() const;
};

/// s_λ, the bounds of |dλ_i| (in log space of |Δ log λ_i|) in a round that starts at `lambda`, [p]. In linear
/// space a λ_i that has come to 0, or within rounding of it, has the bound 0: it stays there, and holds no
/// other back.
///
/// Test  tests/src/search/test_radius.cpp
[[nodiscard]] std::vector<double> lambda_bounds(const RadiusOptions& options, std::span<const double> lambda);

/// This rank's shard of u over p + n coordinates, the bounds of the box or D = diag(u) of the ball: first the
/// p of dλ (lambda_bounds), then those of dW; 0 on key biases, on which no loss depends.
///
/// Method  root mean squares of the tuned tensors in float64; 0.1·RMS(all) is a floor for tensors of zeros.
/// Shapes  layout over p + n; out: layout.size(rank).
/// Test    tests/src/search/test_radius.cpp
std::vector<double> program_bounds(const TunedParameters& tuned, std::span<const double> lambda,
                                   const RadiusOptions& options, TrustRegion region, const ShardMap& layout,
                                   int rank);

/// The part of program_bounds() that bounds dW, whole: [n] of W's type and device. Local.
at::Tensor weight_bounds(const TunedParameters& tuned, const RadiusOptions& options, TrustRegion region);

/// ρ of the next round: it follows the step taken, ρ·clip(t*, ¼, 4).
[[nodiscard]] double next_radius(double rho, double t_star) noexcept;

}  // namespace lift
