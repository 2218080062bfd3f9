#include "src/report/paper_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "src/report/tuned_shape.hpp"

namespace lift {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kDigits = 2;  ///< of perplexities, losses and per cent, as in the paper

using Part = std::optional<SplitLoss> Evaluation::*;
using StopPart = std::optional<SplitLoss> EarlyStopping::*;

struct SplitRow {
  const char* name;
  Part part;
  StopPart stop;  ///< nullptr where early stopping is not measured
};
constexpr std::array<SplitRow, 3> kSplits = {{{"training", &Evaluation::train, nullptr},
                                              {"validation", &Evaluation::valid, &EarlyStopping::valid},
                                              {"test", &Evaluation::test, &EarlyStopping::test}}};

std::optional<SplitLoss> stop_of(const KeptRun& run, StopPart part) {
  return part != nullptr ? early_stopping_of(run, part) : std::nullopt;
}

/// Of a warm-up alone, nothing.
std::optional<SplitLoss> after_search(const KeptRun& run, Part part) {
  const bool searched = !run.result.rounds.empty() || !run.result.stages.empty();
  return searched ? run.result.after.*part : std::nullopt;
}

double reduction(const KeptRun& run, double perplexity) {
  const double before = perplexity_of(run.result.before.test);
  return 100 * (before - perplexity) / before;
}

Cell joined(Cell left, const Cell& right) {
  left.text += "/" + right.text;
  left.values.insert(left.values.end(), right.values.begin(), right.values.end());
  return left;
}

/// Perplexity/loss over the runs of a configuration.
Cell perplexity_and_loss(const Configuration& one,
                         const std::function<std::optional<SplitLoss>(const KeptRun&)>& split) {
  const Spread perplexity = one.over([&](const KeptRun& run) { return perplexity_of(split(run)); });
  const Spread loss = one.over([&](const KeptRun& run) {
    const auto found = split(run);
    return found ? found->loss : kNaN;
  });
  Cell cell = joined(spread_cell(perplexity, kDigits), spread_cell(loss, kDigits));
  if (perplexity.count == 0) cell.text = "–";
  return cell;
}

/// What is the same in the three rows of a configuration: shown once, in each row of CSV.
std::vector<Cell> shared_cells(const Configuration& one) {
  const KeptRun& run = one.first();
  const auto shape = tuned_shape(run.options);
  const double epochs = run.warmup.epochs ? *run.warmup.epochs : kNaN;
  Cell parts = Cell::label("–");
  if (shape) parts = Cell::label(fmt::format("{}/{}", shape->blocks - shape->mlp_only, shape->mlp_only));
  return {Cell::label(one.name),
          Cell::number(epochs, 0),
          Cell::number(shape ? shape->blocks : kNaN, 0),
          Cell::number(static_cast<double>(run.result.p), 0),
          parts,
          Cell::number(static_cast<double>(one.runs.size()), 0)};
}

Cell stop_epoch(const Configuration& one) {
  return spread_cell(one.over([](const KeptRun& run) {
    return run.warmup.early ? static_cast<double>(run.warmup.early->epoch) : kNaN;
  }),
                     0);
}

Cell sequences_cell(const KeptRun& run, Part part) {
  const auto& split = run.result.before.*part;
  return Cell::number(split && split->sequences > 0 ? static_cast<double>(split->sequences) : kNaN, 0);
}

std::vector<Cell> row_of(const Configuration& one, const SplitRow& split, const std::vector<Cell>& shared) {
  std::vector<Cell> row = shared;
  const bool first = &split == kSplits.begin(), last = split.part == kSplits.back().part;
  for (Cell& cell : row)
    if (!first) cell.text.clear();
  row.push_back(sequences_cell(one.first(), split.part));
  row.push_back(Cell::label(split.name));
  row.push_back(perplexity_and_loss(one, [&](const KeptRun& run) { return run.result.before.*split.part; }));
  row.push_back(perplexity_and_loss(one, [&](const KeptRun& run) { return after_search(run, split.part); }));
  row.push_back(last ? spread_cell(one.over(test_reduction), kDigits) : Cell{"", {"", ""}});
  row.push_back(perplexity_and_loss(one, [&](const KeptRun& run) { return stop_of(run, split.stop); }));
  row.push_back(last ? spread_cell(one.over(early_stopping_reduction), kDigits) : Cell{"", {"", ""}});
  row.push_back(last ? stop_epoch(one) : Cell{"", {"", ""}});
  return row;
}

std::vector<std::string> fields(const std::string& name) {
  return {name + "_ppl", name + "_ppl_sd", name + "_loss", name + "_loss_sd"};
}

}  // namespace

Cell spread_cell(const Spread& spread, int decimals) {
  Cell cell = Cell::number(spread.mean, decimals);
  const Cell deviation = Cell::number(spread.deviation, decimals);
  if (spread.count > 1) cell.text += " ± " + deviation.text;
  cell.values.push_back(deviation.values.front());
  return cell;
}

bool overfitted(const Configuration& configuration) {
  return std::ranges::any_of(configuration.runs, [](const KeptRun& run) {
    const WarmupSeen& warmup = run.warmup;
    if (!warmup.epochs) return true;
    return *warmup.epochs > 0 && warmup.early && warmup.early->epoch < *warmup.epochs;
  });
}

double test_reduction(const KeptRun& run) {
  return reduction(run, perplexity_of(after_search(run, &Evaluation::test)));
}

double early_stopping_reduction(const KeptRun& run) {
  return reduction(run, perplexity_of(early_stopping_of(run, &EarlyStopping::test)));
}

Table paper_table(const std::vector<Configuration>& configurations) {
  Table table;
  table.columns = {{"configuration", {"configuration"}, true},
                   {"N_WE", {"warmup_epochs"}},
                   {"N_TB", {"tuned_blocks"}},
                   {"N_R", {"groups"}},
                   {"N_FULL/MLP", {"full_and_mlp"}},
                   {"runs", {"runs"}},
                   {"sequences", {"sequences"}},
                   {"split", {"split"}, true},
                   {"without search", fields("without")},
                   {"with search", fields("with")},
                   {"test ppl ↓ %", {"test_reduction_percent", "test_reduction_percent_sd"}},
                   {"early stopping", fields("early_stopping")},
                   {"its ↓ %", {"early_stopping_reduction_percent", "early_stopping_reduction_percent_sd"}},
                   {"at epoch", {"early_stopping_epoch", "early_stopping_epoch_sd"}}};
  for (const Configuration& one : configurations) {
    const std::vector<Cell> shared = shared_cells(one);
    for (const SplitRow& split : kSplits) table.rows.push_back(row_of(one, split, shared));
  }
  return table;
}

}  // namespace lift
