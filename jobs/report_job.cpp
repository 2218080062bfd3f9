#include "jobs/report_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "jobs/sweep_table.hpp"
#include "mpi/agreement.hpp"
#include "src/report/report.hpp"
#include "src/report/report_folder.hpp"

namespace lift {
namespace {

/// A sweep among what is reported on, whatever became of its points.
struct ReportedSweep {
  std::string name;
  std::vector<SweepRow> rows;
};

/// The folders of runs that words name; of a sweep, those of its points that came to their end.
std::vector<std::filesystem::path> run_folders(const std::vector<std::string>& words,
                                               std::vector<ReportedSweep>& sweeps) {
  std::vector<std::filesystem::path> folders;
  for (const std::string& word : words) {
    const SweepFolder sweep(word);
    if (!sweep.begun()) {
      folders.emplace_back(word);
      continue;
    }
    sweeps.push_back({word, read_rows(sweep, points_of(sweep))});
    const std::size_t before = folders.size();
    for (const SweepRow& row : sweeps.back().rows) {
      if (row.result) folders.push_back(sweep.run(row.name));
    }
    if (folders.size() == before)
      throw Error(ExitCode::input, fmt::format("{}: no run of this sweep has come to its end: {}", word,
                                               state_sentence(states_of(sweeps.back().rows))));
  }
  return folders;
}

/// Puts what became of all points beside the tables of those that have results.
void add_sweeps(const std::vector<ReportedSweep>& sweeps, ReportSection& section) {
  for (std::size_t k = 0; k < sweeps.size(); ++k) {
    section.sentences.push_back(
        fmt::format("Sweep {}: {}.", sweeps[k].name, state_sentence(states_of(sweeps[k].rows))));
    section.tables.push_back({k == 0 ? "sweep" : fmt::format("sweep-{}", k + 1),
                              fmt::format("Points of the sweep {}", sweeps[k].name),
                              sweep_table(sweeps[k].rows)});
  }
}

std::set<std::string> names_in(const std::string& list) {
  std::set<std::string> names;
  std::istringstream stream(list);
  for (std::string name; std::getline(stream, name, ',');) {
    if (find_option(Job::run, name) == nullptr)
      throw Error(ExitCode::usage, fmt::format("--average-over: {}", no_such_option(Job::run, name)));
    names.insert(name);
  }
  return names;
}

ReportForm form_of(const Options& options) {
  const std::string format = options.text("format");
  const bool all = format == "all";
  return {.text = all || format == "text",
          .csv = all || format == "csv",
          .markdown = all || format == "markdown",
          .latex = all || format == "latex",
          .tensorboard = options.text("tensorboard") == "on"};
}

/// What a reader wants at once: the tables of all runs that have losses, and what the runs are.
std::string printed(const Report& report) {
  constexpr std::array kPrinted = {"overfitted", "not-overfitted", "options", "runs", "sweep"};
  std::string text;
  for (const ReportTable& table : report.sections.front().tables)
    if (std::ranges::count(kPrinted, table.name) > 0)
      text += fmt::format("{}{}\n{}", text.empty() ? "" : "\n", table.title, to_text(table.table));
  return text;
}

}  // namespace

void report_job(JobContext& context) {
  const Options& options = context.options;
  const std::filesystem::path out = options.path("out");
  const ReportForm form = form_of(options);
  const std::string averaged = options.text("average-over");
  std::string answer;
  std::size_t runs = 0;  // of rank 0
  agree(context.comm, [&] {
    const std::set<std::string> names = names_in(averaged);
    if (!context.comm.is_root()) return;
    check_report_folder(out);
    std::vector<ReportedSweep> sweeps;
    const auto folders = run_folders(options.words(), sweeps);
    Report report = make_report(read_kept_runs(folders), names);
    add_sweeps(sweeps, report.sections.front());
    runs = folders.size();
    for (const std::string& warning : write_report(report, form, out)) context.log.warn(warning);
    answer = report_json(report, form);
    context.log.block(printed(report));
    for (const std::string& sentence : report.sections.front().sentences) context.log.info(sentence);
  });
  write_answer(context, answer);
  context.log.info(fmt::format("report of {} run{} written to {}", runs, runs == 1 ? "" : "s",
                               (out / "report.html").string()));
}

}  // namespace lift
