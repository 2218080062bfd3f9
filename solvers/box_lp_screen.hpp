#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "solvers/lp_shard.hpp"

// The passes over A that preprocessing is made of; each is local to the rank.
namespace lift::box_lp {

/// Some coordinates of a rank's shard, copied next to each other: a box LP of its own.
class PackedLp {
 public:
  /// Coordinate k of the shard, with u as its bound; in ascending order.
  void add(std::int64_t k, double u);
  /// A column that is none of the shard's; at most one, behind the others.
  void add_column(std::span<const double> a, double g, double u);
  [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(origin_.size()); }
  /// Where the packed coordinates stand in the shard, in ascending order; −1 for the column of add_column.
  [[nodiscard]] std::span<const std::int64_t> origin() const noexcept { return origin_; }
  /// The program over all ranks' packed coordinates of the shard `whole`; the memory is this object's, and
  /// never more than the program needs, for its size is known when A and g are copied.
  /// Nothing may be added afterwards. Collective on whole.comm.
  [[nodiscard]] LpShard shard(const LpShard& whole);

 private:
  std::vector<std::int64_t> origin_;
  std::vector<double> u_, column_;
  double column_cost_ = 0;
  std::vector<double> a_, g_;  ///< empty before shard()
};

/// w_k = u_k Σ_i |a_ik| / norm_i, the part of coordinate k in all rows; rows of norm 0 are skipped. Returns
/// Σ_k w_k.
double leverage(const LpShard& lp, std::span<const double> norms, std::span<double> w);

/// The coordinates drawn with probability π_k = min(1, rate w_k), their bounds u_k / π_k: the L1 regression
/// Σ (u_k/π_k) |g_k − a_kᵀy| over them is an unbiased estimate of the whole.
///
/// Method  k is drawn where frac((k + 1) φ) < π_k with the golden ratio φ, a low-discrepancy sequence: no
///         random numbers, the same draw on any number of ranks up to the rounding of `rate`, and no beat
///         with the shapes of the tensors.
PackedLp draw(const LpShard& lp, std::span<const double> w, double rate);

/// What y says of every coordinate of a shard.
struct Screening {
  PackedLp doubtful;         ///< u_k|r_k| ≤ width · w_k
  std::int64_t count = 0;    ///< how many there are, packed or not
  std::vector<double> glob;  ///< Σ a_k d_k over the others, [m]
  double glob_cost = 0;      ///< Σ g_k d_k over the others
};

/// Decides d_k = −u_k sign(r_k), r = g − Aᵀy, where y leaves no doubt, and packs the coordinates in doubt,
/// the first `most` of them.
Screening screen(const LpShard& lp, std::span<const double> w, std::span<const double> y, double width,
                 std::int64_t most, std::span<double> d);

}  // namespace lift::box_lp
