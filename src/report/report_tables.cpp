#include "src/report/report_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/report/format.hpp"
#include "src/report/paper_tables.hpp"
#include "src/report/tuned_shape.hpp"

namespace lift {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Text of a key of provenance.json; "–" where there is none.
std::string provenance_text(const KeptRun& run, const char* key) {
  if (!run.provenance.is_object() || !run.provenance.contains(key)) return "–";
  const auto& value = run.provenance.at(key);
  return value.is_string() ? value.get<std::string>() : "–";
}

Cell count_cell(std::int64_t count) {
  return {format_count(count), {fmt::format("{}", count)}};
}

/// Work of warm-up and search; older results do not tell it.
Cell units_cell(const RunResult& result) {
  if (result.warmup_units == 0 && result.search_units == 0) return {"–", {"", ""}};
  return {fmt::format("{:.0f} + {:.0f}", result.warmup_units, result.search_units),
          {fmt::format("{}", result.warmup_units), fmt::format("{}", result.search_units)}};
}

/// "0.00012": λ spans decades.
Cell scientific(double value) {
  Cell cell = Cell::number(value, 2);
  if (std::isfinite(value)) cell.text = fmt::format("{:.3g}", value);
  return cell;
}

std::vector<double> lambda_before(const RunResult& result) {
  return result.rounds.empty() ? std::vector<double>() : result.rounds.front().lambda_before;
}

std::vector<double> lambda_after(const RunResult& result) {
  if (!result.lambda_after.empty()) return result.lambda_after;
  return result.rounds.empty() ? std::vector<double>() : result.rounds.back().lambda_after;
}

double at(const std::vector<double>& values, std::size_t k) {
  return k < values.size() ? values[k] : kNaN;
}

}  // namespace

Table members_table(const std::vector<Configuration>& configurations) {
  Table table;
  table.columns = {{"configuration", {"configuration"}, true},
                   {"run", {"run"}, true},
                   {"seed", {"seed"}},
                   {"test ppl", {"test_ppl_before", "test_ppl_after"}},
                   {"early stopping", {"early_stopping_test_ppl"}},
                   {"ranks", {"ranks"}},
                   {"device", {"device"}, true},
                   {"forward units", {"warmup_units", "search_units"}},
                   {"seconds", {"seconds"}},
                   {"commit", {"commit"}, true}};
  for (const Configuration& one : configurations) {
    for (const KeptRun& run : one.runs) {
      const RunResult& r = run.result;
      const auto total = r.seconds.find("total");
      table.rows.push_back({Cell::label(one.name), Cell::label(run.name),
                            Cell::label(fmt::format("{}", r.seed)),
                            Cell::change(perplexity_of(r.before.test), perplexity_of(r.after.test), 2),
                            Cell::number(perplexity_of(early_stopping_of(run, &EarlyStopping::test)), 2),
                            Cell::number(r.ranks, 0), Cell::label(r.device), units_cell(r),
                            Cell::number(total == r.seconds.end() ? kNaN : total->second, 1),
                            Cell::label(provenance_text(run, "commit"))});
    }
  }
  return table;
}

Table options_table(const std::vector<Configuration>& configurations, const std::set<std::string>& averaged) {
  Table table;
  const std::vector<std::string> names = differing_options(configurations, averaged);
  if (names.empty()) return table;
  table.columns = {{"configuration", {"configuration"}, true}};
  for (const std::string& name : names) table.columns.push_back({name, {name}, true});
  for (const Configuration& one : configurations) {
    std::vector<Cell> row = {Cell::label(one.name)};
    const auto& options = one.first().options;
    for (const std::string& name : names) {
      const bool known = options && options->contains(name);
      row.push_back(Cell::label(known ? options->at(name) : options ? "" : "–"));
    }
    table.rows.push_back(row);
  }
  return table;
}

Table lambda_table(const std::vector<Configuration>& configurations) {
  Table table;
  table.columns = {{"configuration", {"configuration"}, true},
                   {"run", {"run"}, true},
                   {"λ of", {"group"}, true},
                   {"before", {"lambda_before"}},
                   {"after", {"lambda_after"}},
                   {"ratio", {"ratio"}}};
  for (const Configuration& one : configurations) {
    for (const KeptRun& run : one.runs) {
      const auto before = lambda_before(run.result), after = lambda_after(run.result);
      const auto names = group_names(run, std::max(before.size(), after.size()));
      for (std::size_t k = 0; k < names.size(); ++k) {
        table.rows.push_back({Cell::label(one.name), Cell::label(run.name), Cell::label(names[k]),
                              scientific(at(before, k)), scientific(at(after, k)),
                              scientific(at(after, k) / at(before, k))});
      }
    }
  }
  return table;
}

Table probe_curvature_table(const KeptRun& run) {
  Table table;
  table.columns = {{"round", {"round"}},         {"probes", {"probes"}},
                   {"least vᵀHv", {"ritz_min"}}, {"largest vᵀHv", {"ritz_max"}},
                   {"noise", {"noise"}},         {"negative at least", {"negative_found"}}};
  for (std::size_t k = 0; k < run.result.rounds.size(); ++k) {
    const auto& curvature = run.result.rounds[k].probe_curvature;
    if (!curvature) continue;
    table.rows.push_back({Cell::number(static_cast<double>(k + 1), 0), count_cell(curvature->vectors),
                          scientific(curvature->ritz_min), scientific(curvature->ritz_max),
                          scientific(curvature->noise), count_cell(curvature->negative_found)});
  }
  return table;
}

Table seconds_table(const std::vector<Configuration>& configurations) {
  std::vector<std::string> phases = {"load", "warmup", "gradient", "probes", "lp", "line_search", "evaluate"};
  std::set<std::string> seen;
  for (const Configuration& one : configurations)
    for (const KeptRun& run : one.runs)
      for (const auto& [phase, seconds] : run.result.seconds) seen.insert(phase);
  std::erase_if(phases, [&](const std::string& phase) { return !seen.contains(phase); });
  for (const std::string& phase : seen)
    if (phase != "total" && std::ranges::count(phases, phase) == 0) phases.push_back(phase);
  phases.emplace_back("total");

  Table table;
  table.columns = {{"run", {"run"}, true}};
  for (const std::string& phase : phases) table.columns.push_back({phase + " [s]", {phase + "_seconds"}});
  for (const Configuration& one : configurations) {
    for (const KeptRun& run : one.runs) {
      std::vector<Cell> row = {Cell::label(run.name)};
      for (const std::string& phase : phases) {
        const auto found = run.result.seconds.find(phase);
        row.push_back(Cell::number(found == run.result.seconds.end() ? kNaN : found->second, 2));
      }
      table.rows.push_back(row);
    }
  }
  return table;
}

Table work_table(const KeptRun& run) {
  Table table;
  table.columns = {{"rank", {"rank"}},
                   {"gradients", {"gradients"}},
                   {"probes", {"hvps"}},
                   {"products", {"hvp_sequences"}},
                   {"losses", {"sequences"}},
                   {"steps of line searches", {"line_search_steps"}},
                   {"peak memory", {"peak_memory_bytes"}}};
  for (const RankWork& work : run.result.work) {
    const bool known = work.peak_memory_bytes >= 0;
    table.rows.push_back({count_cell(work.rank),
                          count_cell(work.gradients),
                          count_cell(work.hvps),
                          count_cell(work.hvp_sequences),
                          count_cell(work.sequences),
                          count_cell(work.line_search_steps),
                          {known ? format_bytes(work.peak_memory_bytes) : "–",
                           {known ? fmt::format("{}", work.peak_memory_bytes) : ""}}});
  }
  return table;
}

}  // namespace lift
