#include "jobs/report_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "mpi/agreement.hpp"
#include "src/report/report.hpp"
#include "src/report/report_folder.hpp"

namespace lift {
namespace {

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
  constexpr std::array kPrinted = {"overfitted", "not-overfitted", "options", "runs"};
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
  agree(context.comm, [&] {
    const std::set<std::string> names = names_in(averaged);
    if (!context.comm.is_root()) return;
    check_report_folder(out);
    const std::vector<std::filesystem::path> folders(options.words().begin(), options.words().end());
    const Report report = make_report(read_kept_runs(folders), names);
    for (const std::string& warning : write_report(report, form, out)) context.log.warn(warning);
    answer = report_json(report, form);
    context.log.block(printed(report));
    for (const std::string& sentence : report.sections.front().sentences) context.log.info(sentence);
  });
  write_answer(context, answer);
  context.log.info(fmt::format("report of {} run{} written to {}", options.words().size(),
                               options.words().size() == 1 ? "" : "s", (out / "report.html").string()));
}

}  // namespace lift
