#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mpi/philox.hpp"
#include "src/search/curvature_report.hpp"
#include "src/search/round_operators.hpp"

namespace lift {

/// Judges H22 of a round, and its diagonal blocks, by products that are counted.
///
/// Ownership   keeps references to all arguments of the constructor; neither copied nor moved.
/// Collective  every member but the accessors on round.state.comm.
/// Test        tests/src/search/test_curvature_report.cpp
class CurvatureJudge {
 public:
  CurvatureJudge(const Round& round, const CurvatureOptions& options, const SearchObserver& observer);
  CurvatureJudge(const CurvatureJudge&) = delete;
  CurvatureJudge& operator=(const CurvatureJudge&) = delete;

  [[nodiscard]] const RoundOperators& operators() const noexcept { return operators_; }
  [[nodiscard]] const Communicator& comm() const { return round_.state.comm; }
  [[nodiscard]] CoordinateRange all() const { return {0, operators_.layout().total()}; }
  [[nodiscard]] std::int64_t products() const;

  /// The next random start, normal within `range` and 0 elsewhere.
  std::vector<double> start(const CoordinateRange& range);
  /// check_definite() of the diagonal block `range` by at most so many products, at a noise that has in it
  /// what differences leave of their step along the vector found; of differences that vector alone counts.
  Definiteness judge(const CoordinateRange& range, double noise, std::int64_t products);
  /// The vector of a block as one of the whole, `least`: its curvature is the same, its residual is not.
  Definiteness judge_as_whole(EigenSummary least, std::vector<double> v, double noise);

 private:
  [[nodiscard]] at::Tensor training_gradient() const;
  void restrict_to(const CoordinateRange& range, std::span<double> shard) const;

  const Round& round_;
  const CurvatureOptions& options_;
  Philox philox_;
  at::Tensor gradient_;  ///< ∇L_t, of forward differences
  RoundOperators operators_;
  SearchOptions doubled_;               ///< with twice the step of differences
  Round wide_round_;                    ///< of those
  std::optional<RoundOperators> wide_;  ///< none of exact products
  std::uint64_t drawn_ = 0;
};

}  // namespace lift
