#include "src/report/method_result.hpp"

#include <nlohmann/json.hpp>

#include "src/report/json_node.hpp"

namespace lift {
namespace {

using Json = nlohmann::ordered_json;

Json to_object(const RadiusResult& radius) {
  return {{"tensor", radius.tensor},
          {"status", radius.status},
          {"rows", radius.rows},
          {"active_rows", radius.active_rows},
          {"distance", radius.distance},
          {"radius", radius.radius},
          {"ratio", radius.ratio},
          {"kept", radius.kept},
          {"start_norm", radius.start_norm}};
}

RadiusResult read_radius(const JsonNode& node) {
  return {.tensor = node["tensor"].text(),
          .status = node["status"].text(),
          .rows = node["rows"].integer(),
          .active_rows = node["active_rows"].integer(),
          .distance = node["distance"].number(),
          .radius = node["radius"].number(),
          .ratio = node["ratio"].number(),
          .kept = node["kept"].number(),
          .start_norm = node["start_norm"].number()};
}

Json to_object(const ShareResult& share) {
  return {{"tensor", share.tensor}, {"share", share.share}};
}

ShareResult read_share(const JsonNode& node) {
  return {.tensor = node["tensor"].text(), .share = node["share"].number()};
}

Json to_object(const FlatnessResult& flatness) {
  return {{"delta", flatness.delta},
          {"alpha", flatness.alpha},
          {"modulus", flatness.modulus},
          {"slope", flatness.slope},
          {"delta_of_slope", flatness.delta_of_slope},
          {"pairs", flatness.pairs},
          {"steps", flatness.steps},
          {"distance", flatness.distance},
          {"residual", flatness.residual}};
}

FlatnessResult read_flatness(const JsonNode& node) {
  return {.delta = node["delta"].number(),
          .alpha = node["alpha"].number(),
          .modulus = node["modulus"].number(),
          .slope = node["slope"].number(),
          .delta_of_slope = node["delta_of_slope"].number(),
          .pairs = node["pairs"].integer(),
          .steps = node["steps"].integer(),
          .distance = node["distance"].number(),
          .residual = node["residual"].number()};
}

Json to_object(const PenaltyResult& penalty) {
  Json object = {{"status", penalty.status},
                 {"steps", penalty.steps},
                 {"upper", penalty.upper},
                 {"lower", penalty.lower},
                 {"residual", penalty.residual},
                 {"inner_residual", penalty.inner_residual},
                 {"partial_gradients",
                  {{"upper_x", penalty.upper_x},
                   {"upper_y", penalty.upper_y},
                   {"lower_x", penalty.lower_x},
                   {"lower_y", penalty.lower_y}}}};
  if (penalty.flatness) object["flatness"] = to_object(*penalty.flatness);
  return object;
}

PenaltyResult read_penalty(const JsonNode& node) {
  const JsonNode partials = node["partial_gradients"];
  PenaltyResult penalty{.status = node["status"].text(),
                        .steps = node["steps"].integer(),
                        .upper = node["upper"].number(),
                        .lower = node["lower"].number(),
                        .residual = node["residual"].number(),
                        .inner_residual = node["inner_residual"].number(),
                        .upper_x = partials["upper_x"].integer(),
                        .upper_y = partials["upper_y"].integer(),
                        .lower_x = partials["lower_x"].integer(),
                        .lower_y = partials["lower_y"].integer()};
  if (node.has("flatness")) penalty.flatness = read_flatness(node["flatness"]);
  return penalty;
}

template <typename Entry>
Json list(const std::vector<Entry>& entries) {
  Json array = Json::array();
  for (const Entry& entry : entries) array.push_back(to_object(entry));
  return array;
}

}  // namespace

Json to_object(const MethodResult& method) {
  Json object = {{"name", method.name}};
  if (!method.radii.empty()) object["radii"] = list(method.radii);
  if (!method.shares.empty()) object["shares"] = list(method.shares);
  if (method.penalty) object["penalty"] = to_object(*method.penalty);
  return object;
}

MethodResult read_method(const JsonNode& node) {
  MethodResult method{.name = node["name"].text()};
  if (node.has("radii")) method.radii = list_of(node, "radii", read_radius);
  if (node.has("shares")) method.shares = list_of(node, "shares", read_share);
  if (node.has("penalty")) method.penalty = read_penalty(node["penalty"]);
  return method;
}

}  // namespace lift
