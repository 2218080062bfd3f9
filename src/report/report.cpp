#include "src/report/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <utility>

#include "src/report/curvature_result.hpp"
#include "src/report/density_figure.hpp"
#include "src/report/line_search_figure.hpp"
#include "src/report/method_tables.hpp"
#include "src/report/paper_tables.hpp"
#include "src/report/perplexity_figure.hpp"
#include "src/report/report_figures.hpp"
#include "src/report/report_tables.hpp"
#include "src/report/splits_figure.hpp"
#include "src/report/stages_table.hpp"

namespace lift {
namespace {

/// A name that is safe as a file's: letters, digits, points and dashes, behind a number that makes it unique.
std::string file_name(const std::string& name, std::size_t number) {
  std::string safe;
  for (const char c : name)
    safe += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' ? c : '_';
  return fmt::format("{}-{}", number, safe.substr(0, 60));
}

void add(ReportSection& section, std::string name, std::string title, Table table) {
  if (!table.rows.empty()) section.tables.push_back({std::move(name), std::move(title), std::move(table)});
}

void add(ReportSection& section, std::optional<Figure> figure, std::string caption) {
  if (figure) section.figures.push_back({std::move(*figure), std::move(caption)});
}

void add_paper_tables(ReportSection& section, const std::vector<Configuration>& all) {
  std::vector<Configuration> over, not_over;
  for (const Configuration& one : all) (overfitted(one) ? over : not_over).push_back(one);
  add(section, "overfitted",
      "Perplexity/loss without and with the search (the paper's Table 2), early stopping beside them",
      paper_table(over));
  add(section, "not-overfitted",
      "The same in the absence of overfitting (the paper's Table 3): the last epoch of the warm-up is its "
      "best",
      paper_table(not_over));
}

std::vector<std::string> notes_on(const std::vector<Configuration>& all) {
  std::vector<std::string> notes;
  const auto names_of = [&](auto lacks) {
    std::vector<std::string> names;
    for (const Configuration& one : all)
      for (const KeptRun& run : one.runs)
        if (lacks(run)) names.push_back(run.name);
    return names;
  };
  const auto note = [&](const std::vector<std::string>& names, const std::string& what) {
    if (!names.empty()) notes.push_back(fmt::format("{}: {}.", what, fmt::join(names, ", ")));
  };
  if (std::ranges::any_of(all, [](const Configuration& one) { return one.runs.size() > 1; }))
    notes.emplace_back(
        "Of several runs: mean ± sample standard deviation; changes in per cent are taken run by run.");
  note(names_of([](const KeptRun& run) { return !run.options; }),
       "Without a config.cfg, so that they are averaged with no other, stand on no curve over the "
       "warm-up, and their blocks are not known");
  note(names_of([](const KeptRun& run) { return !run.warmup.epochs; }),
       "Started from a checkpoint whose warm-up is not among these runs, or was evaluated on other "
       "sequences, so that "
       "early stopping is not known");
  note(names_of([](const KeptRun& run) { return run.timeline.empty(); }),
       "Recorded no timeline of phases per rank, so that seconds by phase stand in its place");
  return notes;
}

ReportSection overview(const std::vector<Configuration>& all, const std::set<std::string>& averaged) {
  ReportSection section{
      .title = "All runs", .folder = "all", .sentences = notes_on(all), .tables = {}, .figures = {}};
  add_paper_tables(section, all);
  add(section, "methods", "What followed the warm-up: perplexity, cost and memory of each method",
      methods_table(all));
  add(section, methods_figure(all),
      "Test perplexity after each method, and that of another corpus if there was one; dotted, where all "
      "began alike");
  add(section, "options", "Options that differ", options_table(all, averaged));
  add(section, "runs", "The runs", members_table(all));
  add(section, "lambda", "Regularisation weights λ by block", lambda_table(all));
  add(section, "seconds", "Seconds by phase, the largest over the ranks", seconds_table(all));
  add(section, reduction_figure(all, averaged),
      "Reduction of the test perplexity over warm-up epochs, by the search and by early stopping");
  return section;
}

ReportSection section_of(const Configuration& one, std::size_t number) {
  const std::string folder = file_name(one.name, number);
  ReportSection section{.title = one.name,
                        .folder = folder,
                        .sentences = {early_stopping_sentence(one)},
                        .tables = {},
                        .figures = {}};
  add(section, folder + "-stages", "What each part of the search contributes", stages_table(one));
  add(section, stages_figure(one), "Perplexity at the end of each stage, whether it was kept or not");
  return section;
}

void add_curvature(ReportSection& section, const KeptRun& run) {
  if (run.result.curvature) {
    add(section, section.folder + "-curvature", "Curvature at (λ, W0)",
        curvature_table(*run.result.curvature));
    for (const std::string& sentence : curvature_sentences(*run.result.curvature))
      section.sentences.push_back(sentence);
    add(section, density_figure(*run.result.curvature), "Spectral density of the Hessian at (λ, W0)");
  }
  add(section, section.folder + "-probe-curvature", "Curvature as the probes of each round show it",
      probe_curvature_table(run));
  add(section, ritz_figure(run.result), "Eigenvalues of the Hessian on the span of each round's probes");
}

ReportSection section_of(const Configuration& one, const KeptRun& run, std::size_t number) {
  ReportSection section{.title = fmt::format("Run {}", run.name),
                        .folder = file_name(run.name, number),
                        .sentences = {},
                        .tables = {},
                        .figures = {}};
  section.sentences.push_back(fmt::format("Seed {}, {} rank{} with {} thread{} on {}. {}", run.result.seed,
                                          run.result.ranks, run.result.ranks == 1 ? "" : "s",
                                          run.result.threads, run.result.threads == 1 ? "" : "s",
                                          run.result.device, early_stopping_sentence({one.name, {run}})));
  add(section, perplexity_figure(run.result), "Perplexity over the warm-up, and after the search");
  add(section, line_search_figure(run.result), "The loss that t* is chosen by, over t");
  add(section, splits_figure(run.result), "Loss of train, validation and test over t in the first round");
  add(section, lambda_figure(run), "Regularisation weights λ by block over the rounds");
  add(section, section.folder + "-radii", "Projection radii of each tensor", radii_table(run.result));
  add(section, section.folder + "-shares", "How far each tensor was led back to its pretrained values",
      shares_table(run.result));
  add(section, section.folder + "-penalty", "How the bilevel descent ended, and what it asked for",
      penalty_table(run.result));
  add_curvature(section, run);
  if (auto timeline = timeline_figure(run)) {
    add(section, std::move(timeline), "Phases of each rank over time");
  } else {
    add(section, seconds_figure(run.result), "Seconds by phase: the run recorded no timeline per rank");
  }
  add(section, section.folder + "-work", "Work of each rank", work_table(run));
  return section;
}

}  // namespace

std::string early_stopping_sentence(const Configuration& configuration) {
  const auto stopped = [](const KeptRun& run) {
    return perplexity_of(early_stopping_of(run, &EarlyStopping::test));
  };
  const auto ended = [](const KeptRun& run) { return perplexity_of(run.result.after.test); };
  const Spread stop = configuration.over(stopped);
  const std::string given = fmt::format("Test perplexity {}", spread_cell(configuration.over(ended), 2).text);
  if (stop.count == 0) return fmt::format("{} at the end; what early stopping gives is not known.", given);
  const Spread against = configuration.over(
      [&](const KeptRun& run) { return 100 * (ended(run) - stopped(run)) / stopped(run); });
  return fmt::format("{} at the end, where early stopping gives {}: {} % {} than early stopping.", given,
                     spread_cell(stop, 2).text, Cell::number(std::abs(against.mean), 2).text,
                     against.mean > 0 ? "higher" : "lower");
}

Report make_report(std::vector<KeptRun> runs, const std::set<std::string>& averaged) {
  Report report{.sections = {}, .configurations = configurations_of(std::move(runs), averaged)};
  const auto& all = report.configurations;
  report.sections.push_back(overview(all, averaged));
  std::size_t number = 0;
  for (const Configuration& one : all) {
    ++number;
    if (one.runs.size() > 1 || !one.first().result.stages.empty())
      report.sections.push_back(section_of(one, number));
    for (std::size_t k = 0; k < one.runs.size(); ++k) {
      ReportSection section = section_of(one, one.runs[k], number);
      section.folder = fmt::format("{}-run{}", section.folder, k + 1);
      for (ReportTable& table : section.tables) table.name = fmt::format("{}-run{}", table.name, k + 1);
      report.sections.push_back(std::move(section));
    }
  }
  return report;
}

}  // namespace lift
