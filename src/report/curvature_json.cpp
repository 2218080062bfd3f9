#include "src/report/curvature_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "src/report/json_node.hpp"
#include "src/report/json_text.hpp"

namespace lift {
namespace {

using Json = nlohmann::ordered_json;

Json part_object(const CurvaturePart& part) {
  return {{"of", part.of},
          {"n", part.n},
          {"verdict", part.verdict},
          {"least", part.least},
          {"residual", part.residual},
          {"noise", part.noise},
          {"largest", part.largest},
          {"lower_bound", std::isfinite(part.lower_bound) ? Json(part.lower_bound) : Json()},
          {"whole_spectrum", part.whole_spectrum},
          {"negative_found", part.negative_found},
          {"positive_found", part.positive_found},
          {"inertia_known", part.inertia_known()},
          {"steps", part.steps},
          {"products", part.products},
          {"message", part.message}};
}

Json schur_object(const SchurResult& schur) {
  return {{"status", schur.status},           {"mu", schur.mu},
          {"eigenvalues", schur.eigenvalues}, {"s", schur.s},
          {"asymmetry", schur.asymmetry},     {"residual", schur.residual},
          {"products", schur.products},       {"message", schur.message}};
}

/// Of reports that were written before there was such a number.
std::int64_t integer_or_0(const JsonNode& node, const char* name) {
  return node.has(name) ? node[name].integer() : 0;
}

CurvaturePart read_part(const JsonNode& node) {
  return {.of = node["of"].text(),
          .n = node["n"].integer(),
          .verdict = node["verdict"].text(),
          .least = node["least"].number(),
          .residual = node["residual"].number(),
          .noise = node["noise"].number(),
          .largest = node["largest"].number(),
          .lower_bound = node.has("lower_bound") ? node["lower_bound"].number()
                                                 : -std::numeric_limits<double>::infinity(),
          .whole_spectrum = node["whole_spectrum"].truth(),
          .negative_found = integer_or_0(node, "negative_found"),
          .positive_found = integer_or_0(node, "positive_found"),
          .steps = node["steps"].integer(),
          .products = node["products"].integer(),
          .message = node["message"].text()};
}

SchurResult read_schur(const JsonNode& node) {
  return {.status = node["status"].text(),
          .mu = node["mu"].number(),
          .eigenvalues = list_of(node, "eigenvalues", read_number),
          .s = list_of(node, "s", read_number),
          .asymmetry = node["asymmetry"].number(),
          .residual = node["residual"].number(),
          .products = node["products"].integer(),
          .message = node["message"].text()};
}

DensityResult read_density(const JsonNode& node) {
  return {.nodes = list_of(node, "nodes", read_number), .weights = list_of(node, "weights", read_number)};
}

}  // namespace

Json to_object(const CurvatureResult& result) {
  Json blocks = Json::array(), density = Json::array();
  for (const CurvaturePart& part : result.blocks) blocks.push_back(part_object(part));
  for (const DensityResult& one : result.density)
    density.push_back({{"nodes", one.nodes}, {"weights", one.weights}});
  return {{"noise", result.noise},
          {"failure", result.failure},
          {"sequences", result.sequences},
          {"of_sequences", result.of_sequences},
          {"lambda", result.lambda},
          {"singular", result.null_directions > 0},
          {"null_directions", result.null_directions},
          {"h22", part_object(result.h22)},
          {"blocks", blocks},
          {"rank_h21", result.rank_h21},
          {"joint_negative_found", result.joint_negative_found()},
          {"schur", result.schur ? schur_object(*result.schur) : Json()},
          {"density", density},
          {"products", result.products},
          {"seconds", result.seconds}};
}

CurvatureResult read_curvature(const JsonNode& node) {
  return {.noise = node["noise"].number(),
          .failure = node["failure"].number(),
          .sequences = node["sequences"].integer(),
          .of_sequences = node["of_sequences"].integer(),
          .lambda = list_of(node, "lambda", read_number),
          .null_directions = node["null_directions"].integer(),
          .h22 = read_part(node["h22"]),
          .blocks = list_of(node, "blocks", read_part),
          .rank_h21 = node["rank_h21"].integer(),
          .schur = optional_of(node, "schur", read_schur),
          .density = list_of(node, "density", read_density),
          .products = node["products"].integer(),
          .seconds = node["seconds"].number()};
}

std::string to_json(const CurvatureResult& result) {
  return readable_json(to_object(result));
}

}  // namespace lift
