#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "src/report/json_text.hpp"
#include "src/report/paper_tables.hpp"
#include "src/report/report_files.hpp"

namespace lift {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Json to_object(const Spread& spread) {
  if (spread.count == 0) return {};
  return {{"mean", spread.mean},
          {"sd", spread.count > 1 ? Json(spread.deviation) : Json()},
          {"runs", spread.count}};
}

/// Perplexity and loss over the runs of what `split` gives for each.
template <typename Split>
Json losses(const Configuration& one, Split split) {
  const auto over = [&](auto number) {
    return to_object(one.over([&](const KeptRun& run) {
      const std::optional<SplitLoss> loss = split(run);
      return loss ? number(*loss) : kNaN;
    }));
  };
  return {{"ppl", over([](const SplitLoss& loss) { return loss.perplexity(); })},
          {"loss", over([](const SplitLoss& loss) { return loss.loss; })}};
}

Json evaluation(const Configuration& one, Evaluation RunResult::*model) {
  Json object;
  for (const auto& [name, part] :
       {std::pair{"train", &Evaluation::train}, std::pair{"valid", &Evaluation::valid},
        std::pair{"test", &Evaluation::test}})
    object[name] = losses(one, [&, part = part](const KeptRun& run) { return run.result.*model.*part; });
  return object;
}

Json early_stopping(const Configuration& one) {
  Json object;
  for (const auto& [name, part] :
       {std::pair{"valid", &EarlyStopping::valid}, std::pair{"test", &EarlyStopping::test}})
    object[name] = losses(one, [part = part](const KeptRun& run) { return early_stopping_of(run, part); });
  return object;
}

Json to_object(const Configuration& one) {
  Json runs = Json::array();
  for (const KeptRun& run : one.runs)
    runs.push_back({{"name", run.name}, {"folder", run.folder.string()}, {"seed", run.result.seed}});
  const auto& epochs = one.first().warmup.epochs;
  return {{"name", one.name},
          {"warmup_epochs", epochs ? Json(*epochs) : Json()},
          {"runs", runs},
          {"before", evaluation(one, &RunResult::before)},
          {"after", evaluation(one, &RunResult::after)},
          {"early_stopping", early_stopping(one)},
          {"test_reduction_percent", to_object(one.over(test_reduction))},
          {"early_stopping_reduction_percent", to_object(one.over(early_stopping_reduction))}};
}

}  // namespace

std::vector<TableForm> table_forms(const ReportForm& form) {
  std::vector<TableForm> forms;
  if (form.text) forms.push_back({".txt", to_text});
  if (form.csv) forms.push_back({".csv", to_csv});
  if (form.markdown) forms.push_back({".md", to_markdown});
  if (form.latex) forms.push_back({".tex", to_latex});
  return forms;
}

std::string started(const KeptRun& run) {
  if (!run.provenance.is_object() || !run.provenance.contains("started")) return "";
  const auto& value = run.provenance.at("started");
  return value.is_string() ? value.get<std::string>() : "";
}

std::filesystem::path events_name(const KeptRun& run) {
  return std::filesystem::path("tensorboard") / run.name / "events.out.tfevents.0.lift";
}

std::vector<std::string> report_files(const Report& report, const ReportForm& form) {
  std::vector<std::string> files = {"report.html"};
  for (const ReportSection& section : report.sections) {
    for (const ReportTable& table : section.tables)
      for (const TableForm& one : table_forms(form)) files.push_back("tables/" + table.name + one.ending);
    for (const ReportFigure& figure : section.figures)
      for (const char* ending : {".dat", ".gp", ".svg"})
        files.push_back(fmt::format("figures/{}/{}{}", section.folder, figure.figure.name, ending));
  }
  if (!form.tensorboard) return files;
  for (const Configuration& one : report.configurations)
    for (const KeptRun& run : one.runs)
      if (!run.metrics.empty()) files.push_back(events_name(run).generic_string());
  return files;
}

std::string report_json(const Report& report, const ReportForm& form) {
  Json configurations = Json::array();
  for (const Configuration& one : report.configurations) configurations.push_back(to_object(one));
  return readable_json(
      {{"schema", 1}, {"configurations", configurations}, {"files", report_files(report, form)}});
}

}  // namespace lift
