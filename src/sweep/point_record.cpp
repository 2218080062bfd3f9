#include "src/sweep/point_record.hpp"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "src/files/atomic_file.hpp"
#include "src/report/json_node.hpp"
#include "src/report/json_text.hpp"

namespace lift {
namespace {

constexpr int kSchema = 1;
constexpr std::array<std::string_view, 6> kWords = {"none", "begun", "stopped", "failed", "invalid", "done"};

PointRecord::Word word_of(const JsonNode& node) {
  const std::string text = node.text();
  for (std::size_t k = 0; k < kWords.size(); ++k) {
    if (text == kWords[k]) return static_cast<PointRecord::Word>(k);
  }
  node.wrong("one of none, begun, stopped, failed, invalid, done");
}

}  // namespace

const char* to_string(PointState state) noexcept {
  switch (state) {
    case PointState::pending:
      return "PENDING";
    case PointState::running:
      return "RUNNING";
    case PointState::preempted:
      return "PREEMPTED";
    case PointState::failed:
      return "FAILED";
    case PointState::invalid:
      return "INVALID";
    case PointState::done:
      return "DONE";
  }
  return "";
}

PointRecord read_point_record(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  const std::string name = file.string(), text = read_file(file);
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) throw Error(ExitCode::input, fmt::format("{}: not JSON", name));
  const JsonNode root(name, "", json);
  if (root["schema"].integer() != kSchema) root["schema"].wrong("1");
  return {.word = word_of(root["word"]),
          .code = root["code"].integer<int>(),
          .message = root["message"].text(),
          .starts = root["starts"].integer<int>(),
          .deaths = root["deaths"].integer<int>(),
          .progress = root["progress"].text(),
          .warmup_steps = root["warmup_steps"].integer(),
          .taken_over = root["taken_over"].integer(),
          .warmup_from = root["warmup_from"].text(),
          .seconds = root["seconds"].number(),
          .began = root["began"].text(),
          .ended = root["ended"].text(),
          .where = root["where"].text(),
          .ranks = root["ranks"].integer<int>(),
          .warmup = root["warmup"].text()};
}

void write_point_record(const std::filesystem::path& file, const PointRecord& record) {
  const nlohmann::ordered_json json = {{"schema", kSchema},
                                       {"word", kWords.at(static_cast<std::size_t>(record.word))},
                                       {"code", record.code},
                                       {"message", record.message},
                                       {"starts", record.starts},
                                       {"deaths", record.deaths},
                                       {"progress", record.progress},
                                       {"warmup_steps", record.warmup_steps},
                                       {"taken_over", record.taken_over},
                                       {"warmup_from", record.warmup_from},
                                       {"seconds", record.seconds},
                                       {"began", record.began},
                                       {"ended", record.ended},
                                       {"where", record.where},
                                       {"ranks", record.ranks},
                                       {"warmup", record.warmup}};
  write_file(file, readable_json(json));
}

}  // namespace lift
