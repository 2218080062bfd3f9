#pragma once
#include <filesystem>

#include "src/report/curvature_result.hpp"
#include "src/report/log.hpp"
#include "src/search/curvature_report.hpp"

namespace lift {

/// The file, in the folder of a run or of a report, that holds a vector of negative curvature.
inline constexpr const char* kVectorFile = "vectors.safetensors";

/// A report as it is written.
[[nodiscard]] CurvatureResult curvature_result(const CurvatureReport& report,
                                               const CurvatureOptions& options);

/// Table and sentences for a reader. Rank 0 speaks.
void tell_curvature(const CurvatureResult& result, Log& log);

/// Writes v with vᵀH22v < −η, of the tuned weights, where the verdict is `fails`: each tensor under its
/// name in the checkpoint, float64, together of unit length. Without such a v there is no file.
///
/// Collective  on `comm`; rank 0 writes.
/// Throws      AgreedError(write).
/// Test        tests/jobs/test_curvature_job.cpp
void write_negative_vector(const std::filesystem::path& path, const CurvatureReport& report,
                           const TunedParameters& tuned, const Communicator& comm);

}  // namespace lift
