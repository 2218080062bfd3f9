#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace lift::test {

/// What HiGHS made of a box LP.
struct HighsAnswer {
  bool optimal = false;
  double objective = 0;  ///< gᵀd
  double residual = 0;   ///< as in LpCertificate
  double seconds = 0;    ///< wall time of Highs_run
  std::int64_t iterations = 0;
};

struct HighsOptions {
  std::string solver;  ///< "simplex", "ipm" (which ends in a crossover) or "pdlp" (the first-order method,
                       ///< whose relative tolerances are left at HiGHS's 1e-7)
  double max_seconds = 600;
  /// As HiGHS has it by itself. On heavy tails its search for dependent rows takes most of the time.
  bool presolve = true;
  std::function<void()> on_run = {};  ///< called when the model stands, A no longer needed; may be empty
};

/// Whether this build found HiGHS (the highsbox wheel).
bool has_highs();

/// Solves min gᵀd, |A d| ≤ τ, |d| ≤ u with HiGHS on this rank alone, one thread.
///
/// The LP goes in as d = u ∘ x with rows and costs divided by their 1-norms, because HiGHS's tolerances
/// (the tightest it takes, 1e-10) are absolute; zero rows are left out.
/// Shapes  a: rows × g.size(), row-major; tau: [rows], or empty for A d = 0.
/// Throws  Error(internal) when HiGHS refuses the model. nullopt without HiGHS.
std::optional<HighsAnswer> solve_with_highs(std::span<const double> a, std::span<const double> g,
                                            std::span<const double> u, int rows, const HighsOptions& options,
                                            std::span<const double> tau = {});

}  // namespace lift::test
