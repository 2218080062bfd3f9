#include "jobs/sweep_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "jobs/sweep_file.hpp"
#include "src/files/atomic_file.hpp"
#include "src/report/format.hpp"
#include "src/report/json_text.hpp"
#include "src/report/kept_run.hpp"

namespace lift {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::array kStates = {PointState::done,    PointState::running, PointState::preempted,
                                PointState::pending, PointState::failed,  PointState::invalid};

/// The last whole line of a log; "" without one.
std::string last_line_of(const std::filesystem::path& log) {
  constexpr std::streamoff kTail = 4096;
  std::ifstream file(log, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const auto size = static_cast<std::streamoff>(file.tellg());
  file.seekg(std::max<std::streamoff>(0, size - kTail));
  std::string tail(std::istreambuf_iterator<char>(file), {});
  tail.erase(tail.rfind('\n') == std::string::npos ? 0 : tail.rfind('\n'));
  return tail.substr(tail.rfind('\n') == std::string::npos ? 0 : tail.rfind('\n') + 1);
}

double test_of(const Evaluation& losses) {
  return perplexity_of(losses.test);
}

double early_test_of(const SweepRow& row) {
  return row.result && row.result->early_stopping ? perplexity_of(row.result->early_stopping->test) : kNaN;
}

double change_of(const RunResult& result) {
  return 100 * (test_of(result.after) / test_of(result.before) - 1);
}

/// Why a point is not done, or what is to be known of one that is.
std::string remark(const SweepRow& row) {
  if (!row.record.message.empty()) return row.record.message;
  if (row.state == PointState::preempted && row.record.word == PointRecord::Word::begun)
    return "its processes died";
  return row.state == PointState::running ? row.last_line : "";
}

}  // namespace

std::vector<SweepRow> read_rows(const SweepFolder& folder, const std::vector<std::string>& names) {
  std::vector<SweepRow> rows;
  for (const std::string& name : names) {
    auto [state, record] = folder.look(name);
    SweepRow row{.name = name, .state = state, .record = std::move(record), .result = {}, .last_line = {}};
    const std::filesystem::path run = folder.run(name);
    std::error_code ignored;
    try {
      if (std::filesystem::exists(run / "result.json", ignored))
        row.result = read_result(run / "result.json");
    } catch (const Error& error) {
      row.state = PointState::failed;
      row.record.message = error.what();
    }
    if (row.state == PointState::running) row.last_line = last_line_of(run / "log.txt");
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> points_of(const SweepFolder& folder) {
  std::vector<std::string> names;
  for (const SweepEntry& entry : read_sweep(folder.file(), read_file(folder.file())))
    names.push_back(entry.name);
  return names;
}

std::vector<PointState> states_of(const std::vector<SweepRow>& rows) {
  std::vector<PointState> states;
  for (const SweepRow& row : rows) states.push_back(row.state);
  return states;
}

std::string state_sentence(const std::vector<PointState>& states) {
  std::string sentence;
  for (const PointState state : kStates) {
    const auto count = std::ranges::count(states, state);
    if (count > 0) sentence += fmt::format("{}{} {}", sentence.empty() ? "" : ", ", count, to_string(state));
  }
  return fmt::format("{} of {} point{}", sentence, states.size(), states.size() == 1 ? "" : "s");
}

Table sweep_table(const std::vector<SweepRow>& rows) {
  Table table{.columns = {{"point", {"point"}, true},
                          {"state", {"state"}, true},
                          {"epochs", {"epochs"}},
                          {"test perplexity", {"test_ppl_before", "test_ppl_after"}},
                          {"change", {"change_percent"}},
                          {"early stopping", {"test_ppl_early"}},
                          {"steps taken", {"warmup_steps_taken"}},
                          {"time", {"seconds"}},
                          {"", {"message"}, true}},
              .rows = {}};
  for (const SweepRow& row : rows) {
    const bool known = row.result.has_value();
    const std::string message = remark(row);
    table.rows.push_back({Cell::label(row.name), Cell::label(to_string(row.state)),
                          Cell::number(known ? row.result->warmup_epochs() : kNaN, 0),
                          Cell::change(known ? test_of(row.result->before) : kNaN,
                                       known ? test_of(row.result->after) : kNaN, 2),
                          Cell::number(known ? change_of(*row.result) : kNaN, 2, " %"),
                          Cell::number(early_test_of(row), 2),
                          Cell::number(static_cast<double>(row.record.warmup_steps), 0),
                          Cell{format_duration(row.record.seconds), {fmt::format("{}", row.record.seconds)}},
                          Cell::label(message)});
  }
  return table;
}

std::string sweep_json(const std::vector<SweepRow>& rows) {
  nlohmann::ordered_json points = nlohmann::ordered_json::array();
  for (const SweepRow& row : rows) {
    nlohmann::ordered_json point = {{"name", row.name},
                                    {"state", to_string(row.state)},
                                    {"code", row.record.code},
                                    {"message", remark(row)},
                                    {"starts", row.record.starts},
                                    {"warmup_from", row.record.warmup_from},
                                    {"warmup_steps", row.record.warmup_steps},
                                    {"taken_over", row.record.taken_over},
                                    {"seconds", row.record.seconds},
                                    {"where", row.record.where}};
    if (row.result)
      point["test_ppl"] = {{"before", test_of(row.result->before)},
                           {"after", test_of(row.result->after)},
                           {"early_stopping", early_test_of(row)}};
    points.push_back(std::move(point));
  }
  nlohmann::ordered_json states = nlohmann::ordered_json::object();
  for (const PointState state : kStates)
    states[to_string(state)] = std::ranges::count(rows, state, &SweepRow::state);
  return readable_json({{"schema", 1}, {"states", std::move(states)}, {"points", std::move(points)}});
}

ExitCode sweep_code(const std::vector<SweepRow>& rows) {
  const bool partial = std::ranges::any_of(rows, [](const SweepRow& row) {
    return row.state == PointState::failed || row.state == PointState::invalid;
  });
  return partial ? ExitCode::partial : ExitCode::done;
}

}  // namespace lift
