#include "src/report/stages_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/report/paper_tables.hpp"

namespace lift {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double stop_perplexity(const KeptRun& run) {
  return perplexity_of(early_stopping_of(run, &EarlyStopping::test));
}

const StageResult* stage_named(const KeptRun& run, const std::string& name) {
  const auto found = std::ranges::find(run.result.stages, name, &StageResult::name);
  return found == run.result.stages.end() ? nullptr : &*found;
}

/// Every name in the order in which the runs have them.
std::vector<std::string> stage_names(const Configuration& one) {
  std::vector<std::string> names;
  for (const KeptRun& run : one.runs) {
    auto place = names.begin();
    for (const StageResult& stage : run.result.stages) {
      const auto found = std::ranges::find(names, stage.name);
      place = found == names.end() ? names.insert(place, stage.name) : found;
      ++place;
    }
  }
  return names;
}

template <typename Perplexity>
Spread against_stop(const Configuration& one, Perplexity test) {
  return one.over([&](const KeptRun& run) {
    const double stop = stop_perplexity(run);
    return 100 * (test(run) - stop) / stop;
  });
}

int kept_by(const Configuration& one, const std::string& name) {
  return static_cast<int>(
      std::ranges::count_if(one.runs, [&](const KeptRun& run) { return run.result.kept_stage == name; }));
}

StageSummary summary_of_stage(const Configuration& one, const std::string& name) {
  const auto over = [&](auto number) {
    return one.over([&](const KeptRun& run) {
      const StageResult* stage = stage_named(run, name);
      return stage == nullptr ? kNaN : number(*stage);
    });
  };
  const auto test = [&](const KeptRun& run) {
    const StageResult* stage = stage_named(run, name);
    return stage == nullptr ? kNaN : perplexity_of(stage->test);
  };
  return {.name = name,
          .t = over([](const StageResult& stage) { return stage.t; }),
          .selection = over([](const StageResult& stage) { return stage.selection; }),
          .valid = over([](const StageResult& stage) { return perplexity_of(stage.valid); }),
          .test = one.over(test),
          .against_stop = against_stop(one, test),
          .kept = kept_by(one, name)};
}

StageSummary summary_of_start(const Configuration& one) {
  const auto test = [](const KeptRun& run) { return perplexity_of(run.result.before.test); };
  return {.name = "W0",
          .t = spread_of({}),
          .selection = spread_of({}),
          .valid = one.over([](const KeptRun& run) { return perplexity_of(run.result.before.valid); }),
          .test = one.over(test),
          .against_stop = against_stop(one, test),
          .kept = kept_by(one, "start")};
}

StageSummary summary_of_stop(const Configuration& one) {
  const auto valid = [](const KeptRun& run) {
    return perplexity_of(early_stopping_of(run, &EarlyStopping::valid));
  };
  return {.name = "early stopping",
          .t = spread_of({}),
          .selection = spread_of({}),
          .valid = one.over(valid),
          .test = one.over(stop_perplexity),
          .against_stop = spread_of({}),
          .kept = 0};
}

std::vector<Cell> cells_of(const StageSummary& row, double test_before) {
  return {Cell::label(row.name),
          spread_cell(row.t, 3),
          spread_cell(row.selection, 4),
          spread_cell(row.valid, 2),
          spread_cell(row.test, 2),
          Cell::number(100 * (row.test.mean - test_before) / test_before, 2),
          spread_cell(row.against_stop, 2),
          Cell::label(row.kept > 0 ? fmt::format("{}", row.kept) : "")};
}

std::vector<std::string> with_deviation(const std::string& field) {
  return {field, field + "_sd"};
}

}  // namespace

std::vector<StageSummary> stage_summaries(const Configuration& configuration) {
  std::vector<StageSummary> rows;
  const std::vector<std::string> names = stage_names(configuration);
  if (names.empty()) return rows;
  rows.push_back(summary_of_start(configuration));
  for (const std::string& name : names) rows.push_back(summary_of_stage(configuration, name));
  rows.push_back(summary_of_stop(configuration));
  return rows;
}

Table stages_table(const Configuration& configuration) {
  Table table;
  table.columns = {{"stage", {"stage"}, true},
                   {"t", with_deviation("t")},
                   {"selection loss", with_deviation("selection_loss")},
                   {"valid ppl", with_deviation("valid_ppl")},
                   {"test ppl", with_deviation("test_ppl")},
                   {"test change %", {"test_change_percent"}},
                   {"against early stopping %", with_deviation("against_early_stopping_percent")},
                   {"runs that kept it", {"kept"}}};
  const std::vector<StageSummary> rows = stage_summaries(configuration);
  double before = kNaN;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    table.rows.push_back(cells_of(rows[k], k + 1 < rows.size() ? before : kNaN));
    if (rows[k].test.count > 0) before = rows[k].test.mean;
  }
  return table;
}

}  // namespace lift
