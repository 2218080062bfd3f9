#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "mpi/error.hpp"
#include "src/report/run_result.hpp"

namespace lift {
namespace {

using Json = nlohmann::json;

constexpr int kSchema = 1;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// One value of the file, which knows where it stands, so that a wrong one can be named.
class Node {
 public:
  Node(const std::string& file, std::string key, const Json& value)
      : file_(&file), key_(std::move(key)), value_(&value) {}

  [[noreturn]] void wrong(const std::string& expected) const {
    throw Error(ExitCode::input,
                fmt::format("{}: {} is {}; expected {}", *file_, key_.empty() ? "the whole" : key_,
                            value_->is_structured() ? value_->type_name() : value_->dump(), expected));
  }
  [[nodiscard]] bool has(const char* name) const {
    if (!value_->is_object()) wrong("an object");
    return value_->contains(name) && !value_->at(name).is_null();
  }
  [[nodiscard]] Node operator[](const char* name) const {
    if (!value_->is_object()) wrong("an object");
    const std::string key = key_.empty() ? name : key_ + "." + name;
    if (!value_->contains(name)) throw Error(ExitCode::input, fmt::format("{}: {} is missing", *file_, key));
    return {*file_, key, value_->at(name)};
  }
  [[nodiscard]] std::vector<Node> items() const {
    if (!value_->is_array()) wrong("a list");
    std::vector<Node> nodes;
    for (std::size_t k = 0; k < value_->size(); ++k) {
      nodes.emplace_back(*file_, fmt::format("{}[{}]", key_, k), value_->at(k));
    }
    return nodes;
  }
  [[nodiscard]] std::map<std::string, Node> members() const {
    if (!value_->is_object()) wrong("an object");
    std::map<std::string, Node> nodes;
    for (const auto& [name, value] : value_->items())
      nodes.emplace(name, Node(*file_, key_ + "." + name, value));
    return nodes;
  }

  /// null stands for a number that is not finite.
  [[nodiscard]] double number() const {
    if (value_->is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (!value_->is_number()) wrong("a number");
    return value_->get<double>();
  }
  template <typename T = std::int64_t>
  [[nodiscard]] T integer() const {
    if (!value_->is_number_integer()) wrong("a whole number");
    return value_->get<T>();
  }
  [[nodiscard]] std::string text() const {
    if (!value_->is_string()) wrong("a text");
    return value_->get<std::string>();
  }
  [[nodiscard]] bool truth() const {
    if (!value_->is_boolean()) wrong("true or false");
    return value_->get<bool>();
  }

 private:
  const std::string* file_;
  std::string key_;
  const Json* value_;
};

template <typename Read>
auto optional_of(const Node& node, const char* name, Read read) {
  using Value = decltype(read(node));
  return node.has(name) ? std::optional<Value>(read(node[name])) : std::nullopt;
}

template <typename Read>
auto list_of(const Node& node, const char* name, Read read) {
  std::vector<decltype(read(node))> values;
  if (!node.has(name)) return values;
  for (const Node& item : node[name].items()) values.push_back(read(item));
  return values;
}

double read_number(const Node& node) {
  return node.number();
}

SplitLoss read_split(const Node& node) {
  return {.loss = node["loss"].number(),
          .sequences = node.has("sequences") ? node["sequences"].integer() : 0};
}

Evaluation read_evaluation(const Node& node) {
  return {.train = optional_of(node, "train", read_split),
          .valid = optional_of(node, "valid", read_split),
          .test = optional_of(node, "test", read_split)};
}

EarlyStopping read_early_stopping(const Node& node) {
  return {.epoch = node["epoch"].integer<int>(),
          .valid = optional_of(node, "valid", read_split),
          .test = optional_of(node, "test", read_split)};
}

EpochLosses read_epoch(const Node& node) {
  return {.epoch = node["epoch"].integer<int>(),
          .train = node["train"].number(),
          .valid = node["valid"].number(),
          .test = node["test"].number()};
}

LpResult read_lp(const Node& node) {
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

std::pair<double, double> read_pair(const Node& node) {
  const std::vector<Node> items = node.items();
  if (items.size() != 2) node.wrong("a pair [t, loss]");
  return {items[0].number(), items[1].number()};
}

std::map<std::string, std::vector<std::pair<double, double>>> read_curves(const Node& round) {
  std::map<std::string, std::vector<std::pair<double, double>>> curves;
  if (!round.has("curves")) return curves;
  for (const auto& [split, curve] : round["curves"].members()) {
    for (const Node& point : curve.items()) curves[split].push_back(read_pair(point));
  }
  return curves;
}

/// Of results that were written before there was such a number.
double number_or_nan(const Node& node, const char* name) {
  return node.has(name) ? node[name].number() : kNaN;
}

ImplicitResult read_implicit(const Node& node) {
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
          .agreement = optional_of(node, "agreement", read_number)};
}

RoundResult read_round(const Node& node) {
  return {.t_star = node["t_star"].number(),
          .lambda_before = list_of(node, "lambda_before", read_number),
          .lambda_after = list_of(node, "lambda_after", read_number),
          .lp = optional_of(node, "lp", read_lp),
          .line_search = list_of(node, "line_search", read_pair),
          .curves = read_curves(node),
          .stationarity = number_or_nan(node, "stationarity"),
          .implicit = optional_of(node, "implicit", read_implicit)};
}

StageResult read_stage(const Node& node) {
  return {.name = node["name"].text(),
          .t = node["t"].number(),
          .selection = node["selection"].number(),
          .valid = optional_of(node, "valid", read_split),
          .test = optional_of(node, "test", read_split),
          .line_search = list_of(node, "line_search", read_pair)};
}

SelfCheckResult read_self_check(const Node& node) {
  return {.symmetry = node["symmetry"].number(),
          .symmetry_limit = node["symmetry_limit"].number(),
          .difference = node["difference"].number(),
          .difference_limit = node["difference_limit"].number(),
          .difference_step = node["difference_step"].number(),
          .passed = node["passed"].truth()};
}

RankWork read_work(const Node& node) {
  return {.rank = node["rank"].integer<int>(),
          .gradients = node["gradients"].integer(),
          .hvps = node["hvps"].integer(),
          .hvp_sequences = node["hvp_sequences"].integer(),
          .sequences = node["sequences"].integer(),
          .prefix_sequences = node["prefix_sequences"].integer(),
          .line_search_steps = node["line_search_steps"].integer(),
          .peak_memory_bytes = node.has("peak_memory_bytes") ? node["peak_memory_bytes"].integer() : -1};
}

std::vector<RoundResult> read_rounds(const Node& root) {
  if (root.has("rounds")) return list_of(root, "rounds", read_round);
  if (!root.has("t_star")) return {};
  return {read_round(root)};
}

std::map<std::string, double> read_seconds(const Node& node) {
  std::map<std::string, double> seconds;
  for (const auto& [phase, value] : node.members()) seconds[phase] = value.number();
  return seconds;
}

double read_units(const Node& root, const char* phase) {
  return root.has("forward_units") ? root["forward_units"][phase].number() : 0.0;
}

RunResult read_run(const Node& root) {
  if (root["schema"].integer() != kSchema)
    root["schema"].wrong(fmt::format("{}, the only one known", kSchema));
  return {.before = read_evaluation(root["before"]),
          .after = read_evaluation(root["after"]),
          .early_stopping = optional_of(root, "early_stopping", read_early_stopping),
          .start = root.has("start") ? root["start"].text() : "",
          .epochs = list_of(root, "epochs", read_epoch),
          .rounds = read_rounds(root),
          .stages = list_of(root, "stages", read_stage),
          .kept_stage = root.has("kept_stage") ? root["kept_stage"].text() : "",
          .lambda_after = list_of(root, "lambda_after", read_number),
          .self_check = optional_of(root, "self_check", read_self_check),
          .n = root["n"].integer(),
          .p = root["p"].integer(),
          .m = root["m"].integer(),
          .search_sequences = root.has("search_sequences") ? root["search_sequences"].integer() : 0,
          .selection_sequences = root.has("selection_sequences") ? root["selection_sequences"].integer() : 0,
          .work = list_of(root, "work", read_work),
          .warmup_units = read_units(root, "warmup"),
          .search_units = read_units(root, "search"),
          .seconds = read_seconds(root["seconds"]),
          .reproducibility = root["reproducibility"].text(),
          .ranks = root["ranks"].integer<int>(),
          .threads = root["threads"].integer<int>(),
          .device = root["device"].text(),
          .seed = root["seed"].integer<std::uint64_t>()};
}

Json parse(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    throw Error(ExitCode::input, fmt::format("{}: cannot be read; expected a result.json", file.string()));
  try {
    return Json::parse(stream);
  } catch (const Json::exception& error) {
    throw Error(ExitCode::input, fmt::format("{}: not JSON: {}", file.string(), error.what()));
  }
}

}  // namespace

RunResult read_result(const std::filesystem::path& file) {
  const std::string name = file.string();
  const Json json = parse(file);
  return read_run(Node(name, "", json));
}

}  // namespace lift
