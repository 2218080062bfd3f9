#include "src/report/report_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/report/event_file.hpp"
#include "src/report/figures.hpp"
#include "src/report/html_page.hpp"
#include "src/report/report_files.hpp"
#include "src/report/run_folder.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

bool is_cut_off(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with(".") && name.ends_with(".tmp");
}

/// Files below a folder, relative to it.
std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!it->is_directory(error)) files.push_back(it->path().lexically_relative(folder));
  }
  if (error)
    throw Error(ExitCode::usage,
                fmt::format("--out {}: cannot look into it: {}", folder.string(), error.message()));
  std::ranges::sort(files);
  return files;
}

/// Names that an earlier report says are its own; none where there is no such report.
std::set<std::string> files_of_earlier(const fs::path& folder) {
  std::error_code ignored;
  const fs::path manifest = folder / "report.json";
  if (!fs::exists(manifest, ignored)) return {};
  const auto json = nlohmann::json::parse(read_file(manifest), nullptr, false);
  if (!json.is_object() || !json.contains("files") || !json["files"].is_array()) return {};
  std::set<std::string> names = {"report.json"};
  for (const auto& name : json["files"])
    if (name.is_string()) names.insert(name.get<std::string>());
  return names;
}

void remove_earlier(const fs::path& folder) {
  std::error_code error;
  std::set<fs::path> folders;
  for (const fs::path& file : files_below(folder)) {
    fs::remove(folder / file, error);
    if (error)
      throw Error(ExitCode::write,
                  fmt::format("{}: cannot be removed: {}", (folder / file).string(), error.message()));
    for (fs::path above = file.parent_path(); !above.empty(); above = above.parent_path())
      folders.insert(above);
  }
  for (auto below = folders.rbegin(); below != folders.rend(); ++below) fs::remove(folder / *below, error);
}

void write_tables(const Report& report, const ReportForm& form, const fs::path& folder) {
  make_folder(folder);
  for (const ReportSection& section : report.sections) {
    for (const ReportTable& table : section.tables) {
      for (const TableForm& one : table_forms(form))
        write_file(folder / (table.name + one.ending), one.make(table.table));
    }
  }
}

/// Data and scripts of all; of what kept pictures from being drawn, the first.
std::vector<std::string> draw_figures(const Report& report, const fs::path& folder) {
  std::vector<std::string> first;
  for (const ReportSection& section : report.sections) {
    std::vector<std::optional<Figure>> figures;
    for (const ReportFigure& figure : section.figures) figures.emplace_back(figure.figure);
    auto warnings = lift::draw_figures(figures, folder / section.folder);
    if (first.empty()) first = std::move(warnings);
  }
  return first;
}

void write_events(const Report& report, const fs::path& folder) {
  for (const Configuration& one : report.configurations) {
    for (const KeptRun& run : one.runs) {
      if (run.metrics.empty()) continue;
      const fs::path file = folder / events_name(run);
      make_folder(file.parent_path());
      write_file(file, event_file(scalar_points(run.metrics), seconds_since_1970(started(run))));
    }
  }
}

}  // namespace

void check_report_folder(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored) || fs::is_empty(folder, ignored)) {
    const RunFolder looks_free(folder);
    return;
  }
  const std::set<std::string> own = files_of_earlier(folder);
  for (const fs::path& file : files_below(folder)) {
    if (own.contains(file.generic_string()) || (!own.empty() && is_cut_off(file))) continue;
    throw Error(
        ExitCode::usage,
        fmt::format(
            "--out {}: {} is no file of an earlier report; expected a folder that is missing, empty or "
            "holds nothing but a report",
            folder.string(), file.generic_string()));
  }
}

std::vector<std::string> write_report(const Report& report, const ReportForm& form, const fs::path& folder) {
  check_report_folder(folder);
  make_folder(folder);
  remove_earlier(folder);
  write_file(folder / "report.json", report_json(report, form));
  write_tables(report, form, folder / "tables");
  auto warnings = draw_figures(report, folder / "figures");
  if (form.tensorboard) write_events(report, folder);
  write_file(folder / "report.html", html_page(report, folder / "figures"));
  return warnings;
}

}  // namespace lift
