#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "solvers/box_lp_norms.hpp"
#include "solvers/lp_shard.hpp"

// The passes over A that preprocessing is made of; each is local to the rank. The weight of coordinate k is
// its part in all rows, w_k = u_k Σ_i |a_ik| / norm_i: made anew from `inverse`, the 1/norm_i, [rows], with 0
// for a row that is to be left out. Test: tests/solvers/test_box_lp_screen.cpp
namespace lift::box_lp {

/// Some coordinates of a rank's shard, copied next to each other: a box LP of its own.
class PackedLp {
 public:
  explicit PackedLp(int rows) : rows_(rows) {}
  /// Coordinates begin + chosen_j of the shard, with bounds_j; in ascending order. All of them are of one
  /// tile.
  void add(const LpShard& lp, std::int64_t begin, std::span<const int> chosen,
           std::span<const double> bounds);
  /// A column that is none of the shard's; at most one, behind the others of the last rank.
  void add_column(std::span<const double> a, double g, double u);
  [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(origin_.size()); }
  /// Where the packed coordinates stand in the shard, in ascending order; −1 for the column of add_column.
  [[nodiscard]] std::span<const std::int64_t> origin() const noexcept { return origin_; }
  /// The program over all ranks' packed coordinates of the shard `whole`; the memory is this object's.
  /// Nothing may be added afterwards. Collective on whole.comm.
  [[nodiscard]] LpShard shard(const LpShard& whole);

 private:
  /// Coordinates of a block.
  static constexpr std::int64_t kWidth = 1024;
  /// Where row 0 of the next coordinate goes.
  [[nodiscard]] double* next();

  int rows_;
  std::vector<std::unique_ptr<double[]>> blocks_;
  std::vector<const double*> pointers_;  ///< to the blocks
  std::vector<std::int64_t> origin_;
  std::vector<double> g_, u_;
};

/// A sample of a shard's coordinates.
struct Draw {
  explicit Draw(int rows) : program(rows), norms(rows) {}
  PackedLp program;             ///< bounds u_k / π_k
  std::vector<double> weights;  ///< w_k of those drawn
  std::vector<double> chances;  ///< their π_k
  NormSums norms;               ///< norm_sums(lp), from the same pass
  bool cut_short = false;       ///< there are more than were asked for at most
};

/// The coordinates drawn with probability π_k = min(1, rate w_k), their bounds u_k / π_k: the L1 regression
/// Σ (u_k/π_k) |g_k − a_kᵀy| over them is an unbiased estimate of the whole. At most `most` of them.
///
/// Method  k is drawn where frac((k + 1) φ) < π_k with the golden ratio φ, a low-discrepancy sequence: no
///         random numbers, the same draw on any number of ranks up to the rounding of `inverse`, and no beat
///         with the shapes of the tensors.
Draw draw(const LpShard& lp, std::span<const double> inverse, double rate, std::int64_t most);

/// u_k|r_k| / w_k of those drawn, r = g − Aᵀy; `drawn` is the program of draw.program.
std::vector<double> doubts(const LpShard& drawn, const Draw& draw, std::span<const double> y);

/// What y says of every coordinate of a shard.
struct Screening {
  explicit Screening(int rows) : doubtful(rows), glob(static_cast<std::size_t>(rows), 0.0) {}
  PackedLp doubtful;         ///< u_k|r_k| ≤ width · w_k
  std::int64_t count = 0;    ///< how many there are, packed or not
  std::vector<double> glob;  ///< Σ a_k d_k over the others, [m]
  double glob_cost = 0;      ///< Σ g_k d_k over the others
};

/// Decides d_k = −u_k sign(r_k), r = g − Aᵀy, where y leaves no doubt, and packs the coordinates in doubt,
/// as long as they are no more than `most`.
Screening screen(const LpShard& lp, std::span<const double> inverse, std::span<const double> y, double width,
                 std::int64_t most, std::span<double> d);

}  // namespace lift::box_lp
