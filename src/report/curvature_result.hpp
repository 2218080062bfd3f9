#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "src/report/table.hpp"

namespace lift {

/// What is known of the least eigenvalue of one symmetric matrix (Definiteness, EigenSummary).
struct CurvaturePart {
  std::string of;       ///< "H22", "H22 without key biases", "block 7", "embeddings"
  std::int64_t n = 0;   ///< its coordinates, key biases left out
  std::string verdict;  ///< is it positive definite: holds, not_refuted, undecided, fails
  double least = std::numeric_limits<double>::quiet_NaN();     ///< vᵀHv of a unit vector
  double residual = std::numeric_limits<double>::quiet_NaN();  ///< ‖Hv − least·v‖
  double noise = 0;                                            ///< by which vᵀHv may be wrong
  double largest = std::numeric_limits<double>::quiet_NaN();
  double lower_bound = -std::numeric_limits<double>::infinity();  ///< null in JSON where there is none
  bool whole_spectrum = false;
  std::int64_t negative_found = 0;  ///< eigenvalues that there are at least, multiplicities counted
  std::int64_t positive_found = 0;
  std::int64_t steps = 0;
  std::int64_t products = 0;
  std::string message;  ///< one sentence
  /// There are no others: (negative_found, positive_found, 0) is the inertia.
  [[nodiscard]] bool inertia_known() const noexcept { return negative_found + positive_found == n; }
};

/// S = −H12 (H22 + μI)⁻¹ H21 (SchurSummary).
struct SchurResult {
  std::string status;
  double mu = 0;
  std::vector<double> eigenvalues;  ///< [p], ascending; empty where it failed
  std::vector<double> s;            ///< [p × p]
  double asymmetry = 0;
  double residual = 0;
  std::int64_t products = 0;
  std::string message;
};

/// A quadrature of the spectrum of H22 as one random vector sees it.
struct DensityResult {
  std::vector<double> nodes, weights;
};

/// A curvature report as it is written (CurvatureReport, where each number is explained).
///
/// JSON        the names of the members; what is absent is null. Test
/// tests/src/report/test_curvature_result.cpp
struct CurvatureResult {
  double noise = 0;
  double failure = 0;             ///< probability that a lower bound may be wrong
  std::int64_t sequences = 0;     ///< training sequences that L_t is the mean over
  std::int64_t of_sequences = 0;  ///< that there are
  std::vector<double> lambda;     ///< [p]
  std::int64_t null_directions = 0;
  CurvaturePart h22;
  std::vector<CurvaturePart> blocks;
  std::int64_t rank_h21 = 0;
  std::optional<SchurResult> schur;
  std::vector<DensityResult> density;
  std::int64_t products = 0;
  double seconds = 0;
  /// Negative eigenvalues of the joint Hessian in (λ, W) at least.
  [[nodiscard]] std::int64_t joint_negative_found() const noexcept;
};

/// The report as text, indented, ending in a newline: what `lift curvature` writes.
[[nodiscard]] std::string to_json(const CurvatureResult& result);

/// One row for H22 and for each block: verdict, least curvature with its residual, bound, how many
/// eigenvalues are negative at least, largest, products.
[[nodiscard]] Table curvature_table(const CurvatureResult& result);

/// What is known beside the table, a sentence each: of what, singular directions, the joint Hessian, S, the
/// cost.
[[nodiscard]] std::vector<std::string> curvature_sentences(const CurvatureResult& result);

}  // namespace lift
