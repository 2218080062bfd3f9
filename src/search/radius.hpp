#pragma once
#include <string>
#include <vector>

#include "mpi/shard_map.hpp"
#include "src/model/tuning.hpp"

namespace lift {

enum class LambdaSpace { log, linear };
enum class RadiusUnit { rms, absolute };

/// Bounds u of the box LP over (dλ, dW).
struct RadiusOptions {
  double rho = 0.01;                  ///< relative radius of dW
  RadiusUnit unit = RadiusUnit::rms;  ///< rms: ρ_k = ρ·max(RMS(tensor of k), 0.1·RMS(all)); absolute: ρ_k = ρ
  LambdaSpace space = LambdaSpace::log;
  double lambda_scale = 1.3862943611198906;  ///< bound on |dλ_i| (log: log 4 on Δ log λ; linear: s_λ)
  /// "" when valid, else as "rho = -1 violates rho > 0".
  [[nodiscard]] std::string violation() const;
};

/// This rank's shard of u over p + n coordinates: first the p of dλ, then those of dW; 0 on key biases, on
/// which no loss depends.
///
/// Method  root mean squares of the tuned tensors in float64; 0.1·RMS(all) is a floor for tensors of zeros.
/// Shapes  layout over p + n; out: layout.size(rank).
/// Test    tests/src/search/test_radius.cpp
std::vector<double> box_bounds(const TunedParameters& tuned, const RadiusOptions& options,
                               const ShardMap& layout, int rank);

/// ρ of the next round: it follows the step taken, ρ·clip(t*, ¼, 4).
[[nodiscard]] double next_radius(double rho, double t_star) noexcept;

}  // namespace lift
