#pragma once
#include <span>
#include <string>

#include "solvers/box_lp.hpp"
#include "solvers/lp_shard.hpp"

namespace lift::box_lp {

/// What a pair (d, y) proves, and how far it is from proving the signs of d.
struct Verification {
  LpCertificate certificate;
  /// max of u_k|r_k| / w_k over the coordinates with −r_k d_k < u_k|r_k| / 2: y would rather see them at the
  /// other bound, or much nearer to this one.
  double widest_wrong = 0;
};

/// As certify, on a shard; with `inverse`, which makes the weights w (box_lp_screen.hpp), also
/// `widest_wrong`.
///
/// Collective  on lp.comm; the result is the same on every rank.
/// Cost        one pass over A.
Verification verify(const LpShard& lp, std::span<const double> d, std::span<const double> y,
                    std::span<const double> inverse = {});

/// How a solve ended, in one sentence with its numbers.
std::string ending(const BoxLpSummary& summary, const BoxLpOptions& options);

}  // namespace lift::box_lp
