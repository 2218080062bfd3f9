#pragma once
#include <span>
#include <string>

#include "solvers/inertia.hpp"
#include "solvers/least_eigenvalue.hpp"

namespace lift {

/// What is known of whether a symmetric H is positive definite. `fails`: a vector shows it. `holds`: the
/// whole spectrum was found, and is above the noise. `not_refuted`: the least eigenvalue found is above it
/// with its residual, or the bound that holds with the stated probability; least.lower_bound says what else
/// there may be. `undecided`: the budget was too small for either, or the least eigenvalue is 0 to within the
/// noise.
enum class Verdict { holds, not_refuted, undecided, fails };
[[nodiscard]] const char* to_string(Verdict verdict) noexcept;

struct Definiteness {
  Verdict verdict = Verdict::undecided;
  EigenSummary least;    ///< the vector and its curvature
  double noise = 0;      ///< η that it was judged by
  InertiaBound inertia;  ///< by that η
  std::string message;   ///< one sentence for the log: the verdict with its numbers
};

/// Tells whether H is positive definite, or shows a vector that says no.
///
/// Method      least_eigenvalue() with `noise` η, the most by which vᵀHv of a unit vector is wrong: below −η
///             the vector is a proof.
/// Shapes      start: as of least_eigenvalue(). noise ≥ 0, in the units of H.
/// Collective  on `comm`; all but the vector is the same on every rank.
/// Throws      as least_eigenvalue(), and AgreedError(internal) for a noise that is negative or not finite.
/// Test        tests/solvers/test_definiteness.cpp (1, 2, 4 ranks)
Definiteness check_definite(const SymmetricOperator& h, std::span<const double> start, const ShardMap& layout,
                            const Communicator& comm, double noise, const EigenOptions& options = {});

/// The verdict on a least eigenvalue that is known, for a noise ≥ 0 that became known with its vector;
/// `failure` as of the options that it was found with. Never throws.
[[nodiscard]] Definiteness judge_definite(EigenSummary least, double noise, double failure);

}  // namespace lift
