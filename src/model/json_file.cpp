#include "src/model/json_file.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"

namespace lift {
namespace {

using Json = nlohmann::json;

/// Nesting that is accepted: whoever walks through a value may call itself at each level.
constexpr int kDeepest = 100;

/// Follows the parser through nested values and refuses a name that the innermost object already has.
class UniqueNames {
 public:
  explicit UniqueNames(const std::string& where) : where_(where) {}
  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest) {
      throw Error(ExitCode::input,
                  fmt::format("{}: values nested {} deep, expected at most {}", where_, depth, kDeepest));
    }
    if (event == Json::parse_event_t::object_start) names_.emplace_back();
    if (event == Json::parse_event_t::object_end) names_.pop_back();
    if (event == Json::parse_event_t::key && !names_.back().insert(parsed.get<std::string>()).second) {
      throw Error(ExitCode::input, fmt::format("{}: the name {} stands twice", where_, shortened(parsed)));
    }
    return true;
  }

 private:
  const std::string& where_;
  std::vector<std::set<std::string>> names_;
};

std::string cut(std::string text, std::size_t most) {
  if (text.size() > most) text = text.substr(0, most - 3) + "...";
  return text;
}

/// nlohmann's message without its "[json.exception…]" tag; it may quote all that it could not read.
std::string reason(const Json::exception& error) {
  constexpr std::size_t kMost = 200;
  const std::string text = error.what();
  const auto end_of_tag = text.find("] ");
  return cut(end_of_tag == std::string::npos ? text : text.substr(end_of_tag + 2), kMost);
}

}  // namespace

Json parse_json_object(std::string_view text, const std::string& where) {
  Json value;
  try {
    value = Json::parse(text.begin(), text.end(), Json::parser_callback_t(UniqueNames(where)));
  } catch (const Json::exception& error) {
    throw Error(ExitCode::input, fmt::format("{}: not valid JSON: {}", where, reason(error)));
  }
  if (!value.is_object()) {
    throw Error(ExitCode::input, fmt::format("{}: a JSON {}, expected an object", where, value.type_name()));
  }
  return value;
}

Json read_json_object(const std::filesystem::path& file) {
  return parse_json_object(read_file(file), file.string());
}

std::string shortened(const Json& value) {
  constexpr std::size_t kMost = 60;
  return cut(value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace), kMost);
}

std::string shortened_name(const std::string& name) {
  const std::string quoted = shortened(Json(name));
  return quoted.substr(1, quoted.size() - (quoted.ends_with('"') ? 2 : 1));
}

}  // namespace lift
