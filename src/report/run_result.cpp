#include "src/report/run_result.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "src/report/curvature_json.hpp"
#include "src/report/json_text.hpp"

namespace lift {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kPhases = {"warmup", "gradient", "probes", "lp", "line_search", "evaluate", "total"};

Json to_object(const SplitLoss& split);
Json to_object(const EarlyStopping& stop);
Json to_object(const SelfCheckResult& check);
Json to_object(const LpResult& lp);
Json to_object(const ImplicitResult& implicit);
Json to_object(const ModelResult& model);
Json to_object(const ProbeCurvatureResult& curvature);

template <typename T>
Json optional_json(const std::optional<T>& value) {
  return value ? to_object(*value) : Json();
}

Json to_object(const SplitLoss& split) {
  Json object = {{"loss", split.loss}, {"ppl", split.perplexity()}};
  if (split.sequences > 0) object["sequences"] = split.sequences;
  return object;
}

Json to_object(const Evaluation& evaluation) {
  Json object = {{"train", optional_json(evaluation.train)},
                 {"valid", optional_json(evaluation.valid)},
                 {"test", optional_json(evaluation.test)}};
  if (evaluation.ood) object["ood"] = to_object(*evaluation.ood);
  return object;
}

Json to_object(const EarlyStopping& stop) {
  Json object = {
      {"epoch", stop.epoch}, {"valid", optional_json(stop.valid)}, {"test", optional_json(stop.test)}};
  if (stop.ood) object["ood"] = to_object(*stop.ood);
  return object;
}

Json to_object(const EpochLosses& epoch) {
  return {{"epoch", epoch.epoch}, {"train", epoch.train}, {"valid", epoch.valid}, {"test", epoch.test}};
}

Json to_object(const LpResult& lp) {
  Json object = {{"status", lp.status},
                 {"objective", lp.objective},
                 {"dual_objective", lp.dual_objective},
                 {"gap", lp.gap},
                 {"residual", lp.residual},
                 {"bound_violation", lp.bound_violation},
                 {"iterations", lp.iterations},
                 {"sweeps", lp.sweeps},
                 {"seconds", lp.seconds},
                 {"y", lp.y}};
  if (lp.inside) object["inside"] = *lp.inside;
  return object;
}

Json optional_number(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json to_object(const ImplicitResult& implicit) {
  return {{"status", implicit.status},
          {"mu", implicit.mu},
          {"theta_min", implicit.theta_min},
          {"theta_max", implicit.theta_max},
          {"gamma", implicit.gamma},
          {"predicted", implicit.predicted},
          {"certificate", implicit.certificate},
          {"products", implicit.products},
          {"q_residual", implicit.q_residual},
          {"z_residual", implicit.z_residual},
          {"g_dw", implicit.g_dw},
          {"raises", implicit.raises},
          {"agreement", optional_number(implicit.agreement)},
          {"radius_ratio", optional_number(implicit.radius_ratio)}};
}

Json to_object(const ModelResult& model) {
  return {{"slope", model.slope},
          {"curvature", model.curvature},
          {"predicted", model.predicted},
          {"actual", model.actual},
          {"ratio", optional_number(model.ratio)},
          {"minimiser", optional_number(model.minimiser)}};
}

Json to_object(const ProbeCurvatureResult& curvature) {
  return {{"vectors", curvature.vectors},
          {"ritz_min", curvature.ritz_min},
          {"ritz_max", curvature.ritz_max},
          {"asymmetry", curvature.asymmetry},
          {"noise", curvature.noise},
          {"negative_found", curvature.negative_found},
          {"ritz_values", curvature.ritz_values}};
}

Json to_object(const RoundResult& round) {
  return {{"t_star", round.t_star},
          {"lambda_before", round.lambda_before},
          {"lambda_after", round.lambda_after},
          {"lp", optional_json(round.lp)},
          {"line_search", round.line_search},
          {"curves", round.curves.empty() ? Json::object() : Json(round.curves)},
          {"stationarity", round.stationarity},
          {"implicit", optional_json(round.implicit)},
          {"model", optional_json(round.model)},
          {"probe_curvature", optional_json(round.probe_curvature)}};
}

Json to_object(const StageResult& stage) {
  return {{"name", stage.name},
          {"t", stage.t},
          {"selection", stage.selection},
          {"valid", optional_json(stage.valid)},
          {"test", optional_json(stage.test)},
          {"line_search", stage.line_search}};
}

Json to_object(const SelfCheckResult& check) {
  return {{"symmetry", check.symmetry},
          {"symmetry_limit", check.symmetry_limit},
          {"difference", check.difference},
          {"difference_limit", check.difference_limit},
          {"difference_step", check.difference_step},
          {"passed", check.passed}};
}

Json to_object(const PhaseSpan& span) {
  return {{"rank", span.rank}, {"phase", span.phase}, {"begin", span.begin}, {"seconds", span.seconds}};
}

Json to_object(const RankWork& work) {
  return {{"rank", work.rank},
          {"gradients", work.gradients},
          {"hvps", work.hvps},
          {"hvp_sequences", work.hvp_sequences},
          {"sequences", work.sequences},
          {"prefix_sequences", work.prefix_sequences},
          {"line_search_steps", work.line_search_steps},
          {"peak_memory_bytes", work.peak_memory_bytes < 0 ? Json() : Json(work.peak_memory_bytes)}};
}

template <typename T>
Json list(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(to_object(value));
  return array;
}

/// The LPs of all rounds as one: how well the worst was answered, what all of them promised and cost.
std::optional<LpResult> whole_lp(const std::vector<RoundResult>& rounds) {
  std::optional<LpResult> whole;
  for (const RoundResult& round : rounds) {
    if (!round.lp) continue;
    const LpResult& lp = *round.lp;
    if (!whole) {
      whole = lp;
      continue;
    }
    whole->y.clear();  // of its own rows each
    if (whole->status == "optimal") whole->status = lp.status;
    whole->objective += lp.objective;
    whole->dual_objective += lp.dual_objective;
    whole->gap = std::max(whole->gap, lp.gap);
    whole->residual = std::max(whole->residual, lp.residual);
    whole->bound_violation = std::max(whole->bound_violation, lp.bound_violation);
    whole->iterations += lp.iterations;
    whole->sweeps += lp.sweeps;
    whole->seconds += lp.seconds;
  }
  return whole;
}

/// The outermost fields of the search: those of its one round, or of all of them together.
Json search_fields(const std::vector<RoundResult>& rounds) {
  if (rounds.size() == 1) return to_object(rounds.front());
  if (rounds.empty()) {
    return {{"t_star", nullptr},
            {"lambda_before", Json::array()},
            {"lambda_after", Json::array()},
            {"lp", nullptr},
            {"line_search", nullptr}};
  }
  double t_sum = 0;
  for (const RoundResult& round : rounds) t_sum += round.t_star;
  return {{"t_star", t_sum},
          {"lambda_before", rounds.front().lambda_before},
          {"lambda_after", rounds.back().lambda_after},
          {"lp", optional_json(whole_lp(rounds))},
          {"line_search", nullptr},
          {"rounds", list(rounds)}};
}

Json seconds_object(const std::map<std::string, double>& seconds) {
  Json object = Json::object();
  for (const char* phase : kPhases) object[phase] = 0.0;
  for (const auto& [phase, value] : seconds) object[phase] = value;
  return object;
}

}  // namespace

std::string to_json(const RunResult& result) {
  Json object = {{"schema", 1},
                 {"before", to_object(result.before)},
                 {"after", to_object(result.after)},
                 {"early_stopping", optional_json(result.early_stopping)},
                 {"start", result.start.empty() ? Json() : Json(result.start)}};
  object.update(search_fields(result.rounds));
  if (!result.lambda_after.empty()) object["lambda_after"] = result.lambda_after;
  object["kept_stage"] = result.kept_stage.empty() ? Json() : Json(result.kept_stage);
  object["method"] = to_object(result.method);
  object["n"] = result.n;
  object["p"] = result.p;
  object["m"] = result.m;
  object["search_sequences"] = result.search_sequences > 0 ? Json(result.search_sequences) : Json();
  object["selection_sequences"] = result.selection_sequences > 0 ? Json(result.selection_sequences) : Json();
  object["stages"] = list(result.stages);
  object["self_check"] = optional_json(result.self_check);
  object["curvature"] = result.curvature ? to_object(*result.curvature) : Json();
  object["epochs"] = list(result.epochs);
  object["work"] = list(result.work);
  object["forward_units"] = {{"warmup", result.warmup_units}, {"search", result.search_units}};
  object["seconds"] = seconds_object(result.seconds);
  if (!result.timeline.empty()) object["timeline"] = list(result.timeline);
  object["reproducibility"] = result.reproducibility;
  object["ranks"] = result.ranks;
  object["threads"] = result.threads;
  object["device"] = result.device;
  object["seed"] = result.seed;
  return readable_json(object);
}

std::string to_json(const LpResult& lp) {
  return readable_json(to_object(lp));
}

}  // namespace lift
