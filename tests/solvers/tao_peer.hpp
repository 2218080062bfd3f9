#pragma once
#include <vector>

#include "tests/solvers/lp_catalogue.hpp"

namespace lift::test {

/// What TAO made of a box LP.
struct TaoAnswer {
  bool settled = false;   ///< A d = 0 to rounding, and the multipliers stand still
  int rounds = 0;         ///< programs with bounds alone that TAO solved
  std::vector<double> d;  ///< [p+n]
  std::vector<double> y;  ///< [m]
};

/// Solves min gᵀd, A d = 0, |d| ≤ u with TAO on this rank alone.
///
/// Method  the proximal method of multipliers (Rockafellar 1976, Math. Oper. Res. 1:97), which ends after
///         finitely many rounds on a linear program; each round is a strongly convex quadratic program with
///         bounds, which TAO's TRON (Lin and Moré 1999) solves. In units of the bounds, rows and costs
///         divided by their sizes.
/// Limits  a dense Hessian: for some hundred coordinates. Badly scaled columns need too many rounds.
TaoAnswer solve_with_tao(const DenseLp& lp);

}  // namespace lift::test
