#pragma once
#include <optional>

#include "solvers/probe_matrix.hpp"
#include "solvers/restricted_form.hpp"
#include "src/search/round.hpp"

namespace lift {

/// VᵀH22V of a round's random probes, from the rows that they made: no product of its own.
///
/// Method      H22 v_j is the W part of row j; the probes are drawn again, this rank's coordinates alone and
///             a few thousand at a time (normal_entries). In float32 the v_i on the left are those before
///             rounding, which is far below the noise.
/// Collective  on a.comm(); the same on every rank.
/// Types       float64; m × 16,384 numbers beside A.
/// Cost        mn/P normals and 1.5 m²n/P multiplications on each of P ranks.
/// Limits      absent where rows hold no products with H22 alone: joint probes (H21 v_λ is among them), and
///             curvature that stands in for the Hessian. With differences the error of their step was not
///             measured: no eigenvalue is counted.
/// Test        tests/src/search/test_probe_curvature.cpp against a dense H22 (1, 2, 4 ranks)
[[nodiscard]] std::optional<RestrictedForm> probe_curvature(const Round& round, const ProbeMatrix& a);

/// The same of Krylov probes, whose T it is; absent where there was nothing to start from.
[[nodiscard]] std::optional<RestrictedForm> probe_curvature(const Round& round, const LanczosSummary& found);

/// Rounding of the products' type.
[[nodiscard]] double rounding_of(const Round& round);

}  // namespace lift
