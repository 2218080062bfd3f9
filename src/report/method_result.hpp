#pragma once
#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace lift {

class JsonNode;

/// What a trained projection did to one tensor (TensorRadius); NaN where it has no radius.
struct RadiusResult {
  std::string tensor;
  std::string status;  ///< "learned", "unmoved", "excluded"
  std::int64_t rows = 0;
  std::int64_t active_rows = 0;
  double distance = 0;
  double radius = 0;
  double ratio = 0;
  double kept = 0;
  double start_norm = 0;
};

/// How far a tensor was led back to its pretrained values, 0 to 1.
struct ShareResult {
  std::string tensor;
  double share = 0;
};

/// How flat f was where a descent ended (FlatnessSummary).
struct FlatnessResult {
  double delta = 0;  ///< nats/token
  double alpha = 0, modulus = 0;
  double slope = 0;
  double delta_of_slope = 0;
  std::int64_t pairs = 0;
  std::int64_t steps = 0;
  double distance = 0;
  double residual = 0;
};

/// How the descent of a bilevel penalty method ended (PenaltySummary).
struct PenaltyResult {
  std::string status;
  std::int64_t steps = 0;
  double upper =
      std::numeric_limits<double>::quiet_NaN();  ///< f and g of the last step's batches, nats/token
  double lower = std::numeric_limits<double>::quiet_NaN();
  double residual = 0;        ///< of the upper variable
  double inner_residual = 0;  ///< of the lower one
  /// Partial gradients that were asked for: of f and of g, each in x and in y.
  std::int64_t upper_x = 0, upper_y = 0, lower_x = 0, lower_y = 0;
  std::optional<FlatnessResult> flatness = {};  ///< where it was asked for
};

/// What followed the warm-up, where it was not the hyperlocal search, whose rounds and stages say it all.
struct MethodResult {
  std::string name = "lift";
  std::vector<RadiusResult> radii = {};       ///< of tpgm, tpgm-once and ftp, in the order of W
  std::vector<ShareResult> shares = {};       ///< of wise-tensors, in the order of W
  std::optional<PenaltyResult> penalty = {};  ///< of the penalty methods
};

[[nodiscard]] nlohmann::ordered_json to_object(const MethodResult& method);
/// Throws Error(input) naming file and key. Test tests/src/report/test_run_result.cpp
[[nodiscard]] MethodResult read_method(const JsonNode& node);

}  // namespace lift
