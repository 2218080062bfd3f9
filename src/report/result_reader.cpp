#include <fmt/format.h>

#include "mpi/error.hpp"
#include "src/report/curvature_json.hpp"
#include "src/report/json_node.hpp"
#include "src/report/run_result.hpp"

namespace lift {
namespace {

constexpr int kSchema = 1;

SplitLoss read_split(const JsonNode& node) {
  return {.loss = node["loss"].number(),
          .sequences = node.has("sequences") ? node["sequences"].integer() : 0};
}

Evaluation read_evaluation(const JsonNode& node) {
  return {.train = optional_of(node, "train", read_split),
          .valid = optional_of(node, "valid", read_split),
          .test = optional_of(node, "test", read_split),
          .ood = node.has("ood") ? optional_of(node, "ood", read_split) : std::nullopt};
}

EarlyStopping read_early_stopping(const JsonNode& node) {
  return {.epoch = node["epoch"].integer<int>(),
          .valid = optional_of(node, "valid", read_split),
          .test = optional_of(node, "test", read_split),
          .ood = node.has("ood") ? optional_of(node, "ood", read_split) : std::nullopt};
}

EpochLosses read_epoch(const JsonNode& node) {
  return {.epoch = node["epoch"].integer<int>(),
          .train = node["train"].number(),
          .valid = node["valid"].number(),
          .test = node["test"].number()};
}

LpResult read_lp(const JsonNode& node) {
  return {.status = node["status"].text(),
          .objective = node["objective"].number(),
          .dual_objective = node["dual_objective"].number(),
          .gap = node["gap"].number(),
          .residual = node["residual"].number(),
          .bound_violation = node["bound_violation"].number(),
          .iterations = node["iterations"].integer(),
          .sweeps = node["sweeps"].integer(),
          .seconds = node["seconds"].number(),
          .y = node.has("y") ? list_of(node, "y", read_number) : std::vector<double>(),
          .inside = node.has("inside") ? std::optional(node["inside"].integer()) : std::nullopt};
}

std::pair<double, double> read_pair(const JsonNode& node) {
  const std::vector<JsonNode> items = node.items();
  if (items.size() != 2) node.wrong("a pair [t, loss]");
  return {items[0].number(), items[1].number()};
}

std::map<std::string, std::vector<std::pair<double, double>>> read_curves(const JsonNode& round) {
  std::map<std::string, std::vector<std::pair<double, double>>> curves;
  if (!round.has("curves")) return curves;
  for (const auto& [split, curve] : round["curves"].members()) {
    for (const JsonNode& point : curve.items()) curves[split].push_back(read_pair(point));
  }
  return curves;
}

ImplicitResult read_implicit(const JsonNode& node) {
  return {.status = node["status"].text(),
          .mu = node["mu"].number(),
          .theta_min = node["theta_min"].number(),
          .theta_max = node["theta_max"].number(),
          .gamma = list_of(node, "gamma", read_number),
          .predicted = node["predicted"].number(),
          .certificate = node["certificate"].number(),
          .products = node["products"].integer(),
          .q_residual = number_or_nan(node, "q_residual"),
          .z_residual = number_or_nan(node, "z_residual"),
          .g_dw = number_or_nan(node, "g_dw"),
          .raises = node.has("raises") ? static_cast<int>(node["raises"].integer()) : 0,
          .agreement = optional_of(node, "agreement", read_number),
          .radius_ratio = optional_of(node, "radius_ratio", read_number)};
}

ModelResult read_model(const JsonNode& node) {
  return {.slope = node["slope"].number(),
          .curvature = node["curvature"].number(),
          .predicted = node["predicted"].number(),
          .actual = node["actual"].number(),
          .ratio = optional_of(node, "ratio", read_number),
          .minimiser = optional_of(node, "minimiser", read_number)};
}

ProbeCurvatureResult read_probe_curvature(const JsonNode& node) {
  return {.vectors = node["vectors"].integer(),
          .ritz_min = node["ritz_min"].number(),
          .ritz_max = node["ritz_max"].number(),
          .asymmetry = node["asymmetry"].number(),
          .noise = node["noise"].number(),
          .negative_found = node["negative_found"].integer(),
          .ritz_values = list_of(node, "ritz_values", read_number)};
}

RoundResult read_round(const JsonNode& node) {
  return {.t_star = node["t_star"].number(),
          .lambda_before = list_of(node, "lambda_before", read_number),
          .lambda_after = list_of(node, "lambda_after", read_number),
          .lp = optional_of(node, "lp", read_lp),
          .line_search = list_of(node, "line_search", read_pair),
          .curves = read_curves(node),
          .stationarity = number_or_nan(node, "stationarity"),
          .implicit = optional_of(node, "implicit", read_implicit),
          .model = optional_of(node, "model", read_model),
          .probe_curvature = optional_of(node, "probe_curvature", read_probe_curvature)};
}

StageResult read_stage(const JsonNode& node) {
  return {.name = node["name"].text(),
          .t = node["t"].number(),
          .selection = node["selection"].number(),
          .valid = optional_of(node, "valid", read_split),
          .test = optional_of(node, "test", read_split),
          .line_search = list_of(node, "line_search", read_pair)};
}

SelfCheckResult read_self_check(const JsonNode& node) {
  return {.symmetry = node["symmetry"].number(),
          .symmetry_limit = node["symmetry_limit"].number(),
          .difference = node["difference"].number(),
          .difference_limit = node["difference_limit"].number(),
          .difference_step = node["difference_step"].number(),
          .passed = node["passed"].truth()};
}

PhaseSpan read_span(const JsonNode& node) {
  return {.rank = node["rank"].integer<int>(),
          .phase = node["phase"].text(),
          .begin = node["begin"].number(),
          .seconds = node["seconds"].number()};
}

RankWork read_work(const JsonNode& node) {
  return {.rank = node["rank"].integer<int>(),
          .gradients = node["gradients"].integer(),
          .hvps = node["hvps"].integer(),
          .hvp_sequences = node["hvp_sequences"].integer(),
          .sequences = node["sequences"].integer(),
          .prefix_sequences = node["prefix_sequences"].integer(),
          .line_search_steps = node["line_search_steps"].integer(),
          .peak_memory_bytes = node.has("peak_memory_bytes") ? node["peak_memory_bytes"].integer() : -1};
}

std::vector<RoundResult> read_rounds(const JsonNode& root) {
  if (root.has("rounds")) return list_of(root, "rounds", read_round);
  if (!root.has("t_star")) return {};
  return {read_round(root)};
}

std::map<std::string, double> read_seconds(const JsonNode& node) {
  std::map<std::string, double> seconds;
  for (const auto& [phase, value] : node.members()) seconds[phase] = value.number();
  return seconds;
}

double read_units(const JsonNode& root, const char* phase) {
  return root.has("forward_units") ? root["forward_units"][phase].number() : 0.0;
}

RunResult read_run(const JsonNode& root) {
  if (root["schema"].integer() != kSchema)
    root["schema"].wrong(fmt::format("{}, the only one known", kSchema));
  return {.before = read_evaluation(root["before"]),
          .after = read_evaluation(root["after"]),
          .early_stopping = optional_of(root, "early_stopping", read_early_stopping),
          .start = root.has("start") ? root["start"].text() : "",
          .epochs = list_of(root, "epochs", read_epoch),
          .rounds = read_rounds(root),
          .stages = list_of(root, "stages", read_stage),
          .method = root.has("method") ? read_method(root["method"]) : MethodResult(),
          .kept_stage = root.has("kept_stage") ? root["kept_stage"].text() : "",
          .lambda_after = list_of(root, "lambda_after", read_number),
          .self_check = optional_of(root, "self_check", read_self_check),
          .curvature = optional_of(root, "curvature", read_curvature),
          .n = root["n"].integer(),
          .p = root["p"].integer(),
          .m = root["m"].integer(),
          .search_sequences = root.has("search_sequences") ? root["search_sequences"].integer() : 0,
          .selection_sequences = root.has("selection_sequences") ? root["selection_sequences"].integer() : 0,
          .work = list_of(root, "work", read_work),
          .warmup_units = read_units(root, "warmup"),
          .search_units = read_units(root, "search"),
          .seconds = read_seconds(root["seconds"]),
          .timeline = list_of(root, "timeline", read_span),
          .reproducibility = root["reproducibility"].text(),
          .ranks = root["ranks"].integer<int>(),
          .threads = root["threads"].integer<int>(),
          .device = root["device"].text(),
          .seed = root["seed"].integer<std::uint64_t>()};
}

}  // namespace

RunResult parse_result(const std::string& text, const std::string& name) {
  try {
    const auto json = nlohmann::json::parse(text);
    return read_run(JsonNode(name, "", json));
  } catch (const nlohmann::json::parse_error& error) {
    throw Error(ExitCode::input, fmt::format("{}: {}", name, error.what()));
  }
}

RunResult read_result(const std::filesystem::path& file) {
  const std::string name = file.string();
  const nlohmann::json json = parse_json(file);
  return read_run(JsonNode(name, "", json));
}

}  // namespace lift
