#include "src/report/method_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "src/report/format.hpp"
#include "src/report/paper_tables.hpp"

namespace lift {
namespace {

bool is_rival(const Configuration& one) {
  return one.first().result.method.name != "lift";
}

double peak_mebibytes(const KeptRun& run) {
  constexpr double kMebi = 1024.0 * 1024.0;
  double peak = std::numeric_limits<double>::quiet_NaN();
  for (const RankWork& work : run.result.work)
    if (work.peak_memory_bytes >= 0)
      peak = std::fmax(peak, static_cast<double>(work.peak_memory_bytes) / kMebi);
  return peak;
}

/// Wall seconds but for those of the warm-up, which rivals share.
double seconds_after_warmup(const KeptRun& run) {
  const auto& seconds = run.result.seconds;
  const auto total = seconds.find("total"), warmup = seconds.find("warmup");
  if (total == seconds.end()) return std::numeric_limits<double>::quiet_NaN();
  return total->second - (warmup == seconds.end() ? 0 : warmup->second);
}

std::vector<std::string> with_deviation(const std::string& field) {
  return {field, field + "_sd"};
}

/// Three significant digits: radii span decades.
Cell scientific(double value) {
  Cell cell = Cell::number(value, 2);
  if (std::isfinite(value)) cell.text = fmt::format("{:.3g}", value);
  return cell;
}

Cell count(std::int64_t value) {
  return {format_count(value), {fmt::format("{}", value)}};
}

/// A column of methods_table, and the number that its cells have of a run.
struct MethodColumn {
  Column column;
  int decimals = 0;
  std::function<double(const KeptRun&)> number;
};

bool has_ood(const Configuration& one) {
  return std::ranges::any_of(one.runs, [](const KeptRun& run) { return run.result.after.ood.has_value(); });
}

std::vector<MethodColumn> method_columns(bool ood) {
  const auto split = [](Evaluation RunResult::*when, std::optional<SplitLoss> Evaluation::*which) {
    return [when, which](const KeptRun& run) { return perplexity_of(run.result.*when.*which); };
  };
  const auto perplexity = [&](const char* title, const char* field, auto when, auto which) {
    return MethodColumn{{title, with_deviation(field)}, 2, split(when, which)};
  };
  std::vector<MethodColumn> columns = {
      perplexity("test ppl W0", "test_ppl_before", &RunResult::before, &Evaluation::test),
      perplexity("test ppl", "test_ppl_after", &RunResult::after, &Evaluation::test),
      perplexity("valid ppl", "valid_ppl_after", &RunResult::after, &Evaluation::valid)};
  if (ood) {
    columns.push_back(perplexity("OOD ppl W0", "ood_ppl_before", &RunResult::before, &Evaluation::ood));
    columns.push_back(perplexity("OOD ppl", "ood_ppl_after", &RunResult::after, &Evaluation::ood));
  }
  columns.push_back({{"forward units", with_deviation("units")}, 0, [](const KeptRun& run) {
                       return run.result.search_units;
                     }});
  columns.push_back({{"seconds", with_deviation("seconds")}, 1, seconds_after_warmup});
  columns.push_back({{"peak MiB", with_deviation("peak_mib")}, 0, peak_mebibytes});
  return columns;
}

/// The columns of a flatness behind those of its descent.
void add_flatness(const FlatnessResult& flatness, Table& table) {
  const std::pair<Column, Cell> columns[] = {
      {{"δ", {"delta"}}, scientific(flatness.delta)},
      {{"α", {"alpha"}}, Cell::number(flatness.alpha, 1)},
      {{"c", {"modulus"}}, Cell::number(flatness.modulus, 1)},
      {{"sup |∂f/∂y|", {"slope"}}, scientific(flatness.slope)},
      {{"pairs", {"pairs"}}, count(flatness.pairs)},
      {{"way to y_g", {"distance"}}, scientific(flatness.distance)},
      {{"residual of y_g", {"value_residual"}}, scientific(flatness.residual)}};
  for (const auto& [column, cell] : columns) {
    table.columns.push_back(column);
    table.rows.front().push_back(cell);
  }
}

}  // namespace

Table methods_table(const std::vector<Configuration>& configurations) {
  Table table;
  if (std::ranges::none_of(configurations, is_rival)) return table;
  const std::vector<MethodColumn> columns = method_columns(std::ranges::any_of(configurations, has_ood));
  table.columns = {{"configuration", {"configuration"}, true}, {"method", {"method"}, true}};
  for (const MethodColumn& one : columns) table.columns.push_back(one.column);
  table.columns.push_back({"runs", {"runs"}});
  for (const Configuration& one : configurations) {
    std::vector<Cell> row = {Cell::label(one.name), Cell::label(one.first().result.method.name)};
    for (const MethodColumn& column : columns)
      row.push_back(spread_cell(one.over(column.number), column.decimals));
    row.push_back(count(std::ssize(one.runs)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table radii_table(const RunResult& result) {
  Table table;
  if (result.method.radii.empty()) return table;
  table.columns = {{"tensor", {"tensor"}, true},
                   {"status", {"status"}, true},
                   {"rows", {"rows"}},
                   {"shortened", {"active_rows"}},
                   {"way", {"distance"}},
                   {"radius", {"radius"}},
                   {"ratio", {"ratio"}},
                   {"kept", {"kept"}},
                   {"way of start", {"distance_of_start"}},
                   {"radius of start", {"radius_of_start"}}};
  for (const RadiusResult& radius : result.method.radii) {
    const bool learned = radius.status == "learned";
    const auto number = [&](double value) {
      return scientific(learned ? value : std::numeric_limits<double>::quiet_NaN());
    };
    table.rows.push_back({Cell::label(radius.tensor), Cell::label(radius.status), count(radius.rows),
                          count(radius.active_rows), number(radius.distance), number(radius.radius),
                          number(radius.ratio), number(radius.kept),
                          number(radius.distance / radius.start_norm),
                          number(radius.radius / radius.start_norm)});
  }
  return table;
}

Table shares_table(const RunResult& result) {
  Table table;
  if (result.method.shares.empty()) return table;
  table.columns = {{"tensor", {"tensor"}, true}, {"way back", {"share"}}};
  for (const ShareResult& share : result.method.shares)
    table.rows.push_back({Cell::label(share.tensor), Cell::number(share.share, 3)});
  return table;
}

Table penalty_table(const RunResult& result) {
  Table table;
  const auto& penalty = result.method.penalty;
  if (!penalty) return table;
  table.columns = {{"ended", {"status"}, true},
                   {"steps", {"steps"}},
                   {"f", {"upper"}},
                   {"g", {"lower"}},
                   {"residual of x", {"residual"}},
                   {"residual of y", {"inner_residual"}},
                   {"∂f/∂x", {"upper_x"}},
                   {"∂f/∂y", {"upper_y"}},
                   {"∂g/∂x", {"lower_x"}},
                   {"∂g/∂y", {"lower_y"}}};
  table.rows.push_back({Cell::label(penalty->status), count(penalty->steps), Cell::number(penalty->upper, 4),
                        Cell::number(penalty->lower, 4), scientific(penalty->residual),
                        scientific(penalty->inner_residual), count(penalty->upper_x), count(penalty->upper_y),
                        count(penalty->lower_x), count(penalty->lower_y)});
  if (penalty->flatness) add_flatness(*penalty->flatness, table);
  return table;
}

}  // namespace lift
