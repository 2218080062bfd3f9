#include "src/report/result_tables.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

namespace lift {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kPerplexityDigits = 2;
constexpr int kLossDigits = 3;

double loss_of(const std::optional<SplitLoss>& split) {
  return split ? split->loss : kNaN;
}
double perplexity_of(const std::optional<SplitLoss>& split) {
  return split ? split->perplexity() : kNaN;
}

/// How much larger `after` is than `before`, in per cent of `before`.
double per_cent(double before, double after) {
  return 100 * (after - before) / before;
}

Cell signed_per_cent(double value) {
  Cell cell = Cell::number(value, 2, " %");
  if (value > 0 && cell.text != "0.00 %") cell.text = fmt::format("+{}", cell.text);
  return cell;
}

void add_losses(std::vector<Cell>& row, const std::optional<SplitLoss>& split) {
  row.push_back(Cell::number(perplexity_of(split), kPerplexityDigits));
  row.push_back(Cell::number(loss_of(split), kLossDigits));
}

std::vector<Cell> losses_row(const std::string& label, const Evaluation& losses, const Evaluation& before) {
  std::vector<Cell> row = {Cell::label(label)};
  for (const auto* split : {&losses.train, &losses.valid, &losses.test}) add_losses(row, *split);
  row.push_back(signed_per_cent(per_cent(perplexity_of(before.test), perplexity_of(losses.test))));
  if (before.ood) add_losses(row, losses.ood);
  return row;
}

std::optional<SplitLoss> known(double loss) {
  return std::isnan(loss) ? std::nullopt : std::optional<SplitLoss>({.loss = loss});
}

std::vector<double> steps_taken(const RunResult& result) {
  std::vector<double> steps;
  for (const RoundResult& round : result.rounds) steps.push_back(round.t_star);
  return steps;
}

/// t* of each round, "0.8, 0.3"; CSV has their sum, as result.json.
Cell step_cell(const RunResult& result) {
  std::string text;
  double sum = result.rounds.empty() ? kNaN : 0;
  for (const double t : steps_taken(result)) {
    text += fmt::format("{}{:.4g}", text.empty() ? "" : ", ", t);
    sum += t;
  }
  Cell cell = Cell::number(sum, 2);
  if (!text.empty()) cell.text = text;
  return cell;
}

std::vector<Cell> run_row(const NamedResult& run) {
  const RunResult& r = run.result;
  std::vector<Cell> row = {Cell::label(run.name), Cell::number(r.warmup_epochs(), 0)};
  for (const auto& [before, after] :
       {std::pair{&r.before.train, &r.after.train}, std::pair{&r.before.valid, &r.after.valid},
        std::pair{&r.before.test, &r.after.test}}) {
    row.push_back(Cell::change(perplexity_of(*before), perplexity_of(*after), kPerplexityDigits));
  }
  row.push_back(Cell::number(0 - per_cent(perplexity_of(r.before.test), perplexity_of(r.after.test)), 2));
  row.push_back(step_cell(r));
  row.push_back(Cell::number(r.early_stopping ? r.early_stopping->epoch : kNaN, 0));
  row.push_back(
      Cell::number(r.early_stopping ? perplexity_of(r.early_stopping->test) : kNaN, kPerplexityDigits));
  return row;
}

}  // namespace

Table before_after_table(const RunResult& result) {
  Table table;
  table.columns = {{"", {"model"}, true},    {"train ppl", {"train_ppl"}},
                   {"loss", {"train_loss"}}, {"valid ppl", {"valid_ppl"}},
                   {"loss", {"valid_loss"}}, {"test ppl", {"test_ppl"}},
                   {"loss", {"test_loss"}},  {"test change", {"test_change_percent"}}};
  if (result.before.ood) {
    table.columns.push_back({"OOD ppl", {"ood_ppl"}});
    table.columns.push_back({"loss", {"ood_loss"}});
  }
  table.rows.push_back(losses_row("before (W0 after warm-up)", result.before, result.before));
  table.rows.push_back(losses_row("after LiFT", result.after, result.before));
  if (!result.epochs.empty() && result.warmup_epochs() == 0)
    return table;  // the rows below would be W0 again
  if (result.early_stopping) {
    const EarlyStopping& stop = *result.early_stopping;
    table.rows.push_back(losses_row(fmt::format("early stopping (epoch {})", stop.epoch),
                                    {.train = {}, .valid = stop.valid, .test = stop.test, .ood = stop.ood},
                                    result.before));
  }
  if (!result.epochs.empty() && result.epochs.front().epoch == 0) {
    const EpochLosses& first = result.epochs.front();
    table.rows.push_back(losses_row(result.start.empty() ? "pretrained (epoch 0)" : "start (epoch 0)",
                                    {.train = {}, .valid = known(first.valid), .test = known(first.test)},
                                    result.before));
  }
  return table;
}

Table runs_table(std::span<const NamedResult> runs) {
  Table table;
  table.columns = {{"run", {"run"}, true},
                   {"warm-up epochs", {"warmup_epochs"}},
                   {"train ppl", {"train_ppl_before", "train_ppl_after"}},
                   {"valid ppl", {"valid_ppl_before", "valid_ppl_after"}},
                   {"test ppl", {"test_ppl_before", "test_ppl_after"}},
                   {"test gain %", {"test_gain_percent"}},
                   {"t*", {"t_star"}},
                   {"early stop at", {"early_stopping_epoch"}},
                   {"its test ppl", {"early_stopping_test_ppl"}}};
  for (const NamedResult& run : runs) table.rows.push_back(run_row(run));
  return table;
}

}  // namespace lift
