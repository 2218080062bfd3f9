#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace lift {

/// One point of a curve in TensorBoard.
struct ScalarPoint {
  std::string tag;
  std::int64_t step = 0;
  float value = 0;
};

/// The numbers of metrics.jsonl as curves: those of a step over steps (`step/train_loss`), of an epoch over
/// epochs (`epoch/valid_ppl`), of a line search over its evaluations in their order, with t as a curve of its
/// own (`line_search/round 1/t`), and of lines of another kind over their count. What is no number, or null,
/// is left out.
///
/// Test  tests/src/report/test_event_file.cpp
[[nodiscard]] std::vector<ScalarPoint> scalar_points(std::span<const nlohmann::json> lines);

/// An event file that TensorBoard reads: records of TFRecord (length, masked CRC-32C, data, masked CRC-32C)
/// of tensorflow.Event in protobuf's wire format, the version of the format first.
///
/// Units  `wall_time`: seconds since 1970, the same for all points, for metrics.jsonl has no times.
/// Test   tests/src/report/test_event_file.cpp, read back record by record
[[nodiscard]] std::string event_file(std::span<const ScalarPoint> points, double wall_time);

/// CRC-32C of `data` (Castagnoli's polynomial; RFC 3720, B.4).
[[nodiscard]] std::uint32_t crc32c(const std::string& data);

/// "2026-01-31T12:00:00Z" as seconds since 1970; 0 for what is no such text.
[[nodiscard]] double seconds_since_1970(const std::string& utc_time);

}  // namespace lift
