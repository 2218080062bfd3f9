#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace lift::test {

/// What HiGHS made of a box LP.
struct HighsAnswer {
  bool optimal = false;
  double objective = 0;  ///< gᵀd
  double seconds = 0;    ///< wall time of Highs_run
  std::int64_t iterations = 0;
};

/// Whether this build found HiGHS (the highsbox wheel).
bool has_highs();

/// Solves min gᵀd, |A d| ≤ τ, |d| ≤ u with HiGHS on this rank alone, one thread.
///
/// The LP goes in as d = u ∘ x with rows and costs divided by their 1-norms, because HiGHS's tolerances
/// (the tightest it takes, 1e-10) are absolute; zero rows are left out.
/// Shapes  a: rows × g.size(), row-major; tau: [rows], or empty for A d = 0; method: "simplex" or "ipm"
/// (which ends in a crossover). Throws  Error(internal) when HiGHS refuses the model. nullopt without HiGHS.
std::optional<HighsAnswer> solve_with_highs(std::span<const double> a, std::span<const double> g,
                                            std::span<const double> u, int rows, const std::string& method,
                                            double max_seconds, std::span<const double> tau = {});

}  // namespace lift::test
