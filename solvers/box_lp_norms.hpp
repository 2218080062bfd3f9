#pragma once
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "solvers/lp_shard.hpp"

namespace lift::box_lp {

/// Σ_k |a_ik| u_k of every row and Σ_k |g_k| u_k, this rank's coordinates, as one buffer to be summed over
/// ranks.
class NormSums {
 public:
  explicit NormSums(int rows) : sums_(static_cast<std::size_t>(rows) + 1, 0.0) {}
  [[nodiscard]] std::span<double> all() noexcept { return sums_; }
  [[nodiscard]] std::span<const double> rows() const noexcept { return {sums_.data(), sums_.size() - 1}; }
  [[nodiscard]] double& row(int i) noexcept { return sums_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] double& cost() noexcept { return sums_.back(); }
  [[nodiscard]] bool finite() const noexcept {
    return std::all_of(sums_.begin(), sums_.end(), [](double sum) { return std::isfinite(sum); });
  }

 private:
  std::vector<double> sums_;
};

/// Coordinates of a block that norm_sums takes or leaves.
inline constexpr std::int64_t kNormBlock = 1024;

/// Of one block in `stride` alone, the same whatever the ranks, and chosen so that they beat with no shapes
/// of tensors (as draw in box_lp_screen.hpp). One pass over that part of A.
NormSums norm_sums(const LpShard& lp, std::int64_t stride = 1);

/// Throws Error(internal) where g, u or, as far as `sums` of this rank makes it look suspect, A holds what no
/// box LP may: an entry that is not finite, u < 0. Sums that overflow are none of it.
void check_entries(const LpShard& lp, const NormSums& sums);

/// Throws Error(internal) if `tau` is neither empty nor one finite number ≥ 0 a row.
void check_tau(std::span<const double> tau, int rows);

}  // namespace lift::box_lp
