#include "tests/bench/lp_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lift {
namespace {

constexpr std::int64_t kDouble = sizeof(double);
constexpr int kProblemVectors = 3;  ///< g, u and d, which are the caller's

std::string millions(std::int64_t coordinates) {
  return fmt::format("{:g} M", std::round(static_cast<double>(coordinates) / 1e4) / 100);
}

std::string head(const LpCell& cell) {
  return fmt::format("| {} | {} | {} |", cell.family.name, millions(cell.coordinates), cell.rows);
}

const LiftRun* lift_of(const LpCell& cell, LpMethod method) {
  const auto found = cell.lift.find(method);
  return found == cell.lift.end() ? nullptr : &found->second;
}

std::string lift_table(const std::vector<LpCell>& cells) {
  std::string text =
      "| family | n | m | sweep, ms (cpu) | method | seconds (cpu) | sweeps (by cpu) | steps | passes over A "
      "| gap | "
      "residual | "
      "pilot, in doubt, rounds |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const LpCell& cell : cells) {
    for (const auto& [method, run] : cell.lift) {
      const BoxLpSummary& best = run.best;
      const LpReduction& reduction = best.reduction;
      const std::string doubt =
          reduction.pilot == 0 ? ""
                               : fmt::format("{}, {}, {}{}", reduction.pilot, reduction.reduced,
                                             reduction.rounds, reduction.whole ? ", then the whole" : "");
      text += head(cell) + fmt::format(
                               " {:.1f} ({:.1f}) | {} | {:.3f} ({:.3f}) | {:.1f} ({:.1f}) | {} | {} | {:.1e} "
                               "| {:.1e} | {} |{}\n",
                               1e3 * cell.sweep, 1e3 * cell.sweep_cpu, to_string(method), best.seconds,
                               run.cpu_seconds, best.seconds / cell.sweep, run.cpu_seconds / cell.sweep_cpu,
                               best.iterations, best.sweeps, best.certificate.gap, best.certificate.residual,
                               doubt, answered(best.status) ? "" : std::string(" ") + to_string(best.status));
    }
  }
  return text;
}

/// HiGHS's fastest answer, if there is one.
const HighsRun* best_of_highs(const LpCell& cell) {
  const HighsRun* best = nullptr;
  for (const auto& [name, run] : cell.highs) {
    if (run.ending != HighsRun::Ending::solved) continue;
    if (best == nullptr || run.seconds < best->seconds) best = &run;
  }
  return best;
}

/// The least time that HiGHS's fastest method needs, where all of them ran out of theirs.
double bound_of_highs(const LpCell& cell) {
  double bound = std::numeric_limits<double>::infinity();
  for (const auto& [solver, run] : cell.highs) {
    if (run.ending != HighsRun::Ending::out_of_time) return 0;
    bound = std::min(bound, run.seconds);
  }
  return std::isfinite(bound) ? bound : 0;
}

std::string ratio(const LpCell& cell) {
  const LiftRun* lift = lift_of(cell, LpMethod::preprocessing);
  if (lift == nullptr) return "";
  if (const HighsRun* best = best_of_highs(cell))
    return fmt::format("{:.0f}, {:.0f}", best->seconds / lift->best.seconds,
                       best->cpu_seconds / lift->cpu_seconds);
  const double bound = bound_of_highs(cell);
  return bound > 0 ? fmt::format("> {:.0f}", bound / lift->best.seconds) : "–";
}

std::string highs_table(const std::vector<LpCell>& cells) {
  std::string text = "| family | n | m | LiFT (cpu) |";
  std::string rule = "|---|---|---|---|";
  for (const auto& [solver, run] : cells.front().highs) {
    text += fmt::format(" HiGHS {} |", solver);
    rule += "---|";
  }
  text += " HiGHS's best / LiFT, by cpu |\n" + rule + "---|\n";
  for (const LpCell& cell : cells) {
    const LiftRun* lift = lift_of(cell, LpMethod::preprocessing);
    text +=
        head(cell) +
        (lift == nullptr ? " |" : fmt::format(" {:.3f} s ({:.3f}) |", lift->best.seconds, lift->cpu_seconds));
    for (const auto& [solver, run] : cell.highs) text += fmt::format(" {} |", outcome(run, cell));
    text += fmt::format(" {} |\n", ratio(cell));
  }
  return text;
}

double exponent(double from, double to, const LpCell& small, const LpCell& large) {
  return std::log(to / from) /
         std::log(static_cast<double>(large.coordinates) / static_cast<double>(small.coordinates));
}

/// The instance of the same family and rows with the next larger n.
const LpCell* next(const std::vector<LpCell>& cells, const LpCell& cell) {
  const LpCell* found = nullptr;
  for (const LpCell& other : cells) {
    if (other.family.name != cell.family.name || other.rows != cell.rows) continue;
    if (other.coordinates <= cell.coordinates) continue;
    if (found == nullptr || other.coordinates < found->coordinates) found = &other;
  }
  return found;
}

std::string growth_table(const std::vector<LpCell>& cells) {
  std::string text =
      "| family | m | n | exponent of a plain sweep (by cpu) | of LiFT's solve (by cpu) "
      "|\n|---|---|---|---|---|\n";
  for (const LpCell& cell : cells) {
    const LpCell* larger = next(cells, cell);
    if (larger == nullptr) continue;
    const LiftRun &from = cell.lift.at(LpMethod::preprocessing),
                  &to = larger->lift.at(LpMethod::preprocessing);
    text += fmt::format("| {} | {} | {} to {} | {:.2f} ({:.2f}) | {:.2f} ({:.2f}) |\n", cell.family.name,
                        cell.rows, millions(cell.coordinates), millions(larger->coordinates),
                        exponent(cell.sweep, larger->sweep, cell, *larger),
                        exponent(cell.sweep_cpu, larger->sweep_cpu, cell, *larger),
                        exponent(from.best.seconds, to.best.seconds, cell, *larger),
                        exponent(from.cpu_seconds, to.cpu_seconds, cell, *larger));
  }
  return text;
}

std::string memory_table(const std::vector<LpCell>& cells) {
  std::string text =
      "| family | n | m | A, GiB | preprocessing: beside A | its reduced program | the rest | mehrotra: "
      "beside A "
      "|\n|---|---|---|---|---|---|---|---|\n";
  for (const LpCell& cell : cells) {
    const LiftRun *reduced = lift_of(cell, LpMethod::preprocessing),
                  *whole = lift_of(cell, LpMethod::mehrotra);
    const double beside = kProblemVectors + in_vectors(reduced->bytes, cell);
    const double needed = in_vectors(reduced_bytes(cell, reduced->best.reduction), cell);
    text += head(cell) +
            fmt::format(
                " {:.2f} | {:.2f} | {:.2f} | {:.2f} | {} |\n",
                static_cast<double>(kDouble * cell.entries()) / (1 << 30), beside, needed, beside - needed,
                whole == nullptr ? "not run"
                                 : fmt::format("{:.2f}", kProblemVectors + in_vectors(whole->bytes, cell)));
  }
  return text;
}

}  // namespace

double in_vectors(std::int64_t bytes, const LpCell& cell) {
  return static_cast<double>(bytes) / static_cast<double>(kDouble * cell.coordinates);
}

std::int64_t reduced_bytes(const LpCell& cell, const LpReduction& reduction) {
  return kDouble * std::max(reduction.pilot, reduction.reduced) * (cell.rows + 8);
}

std::string outcome(const HighsRun& run, const LpCell& cell) {
  using Ending = HighsRun::Ending;
  if (run.ending == Ending::out_of_time)
    return run.note.empty() ? fmt::format("> {:.0f} s (cpu {:.0f})", std::floor(run.seconds), run.cpu_seconds)
                            : run.note;
  if (run.ending == Ending::solved || run.ending == Ending::unsolved) {
    const LiftRun* lift = lift_of(cell, LpMethod::preprocessing);
    const double difference =
        lift == nullptr ? 0 : (run.answer.objective - lift->best.certificate.objective) / cell.cost;
    return fmt::format("{}{:.1f} s (cpu {:.1f}), {} steps, {:+.0e}, {:.0e}",
                       run.ending == Ending::solved ? "" : "no optimum: ", run.seconds, run.cpu_seconds,
                       run.answer.iterations, difference, run.answer.residual);
  }
  if (run.ending == Ending::does_not_fit) return "does not fit: " + run.note;
  return run.ending == Ending::failed ? "failed: " + run.note : run.note;
}

std::string summary(const std::vector<LpCell>& cells, double highs_seconds) {
  std::string text = "\n## LiFT\n" + lift_table(cells);
  if (!cells.front().highs.empty()) {
    text += fmt::format(
        "\n## HiGHS\nseconds of Highs_run ({:.0f} allowed), steps, objective less LiFT's by Σ|g|u, "
        "residual\n\n",
        highs_seconds);
    text += highs_table(cells);
  }
  text += "\n## Growth with n\n" + growth_table(cells);
  text += "\n## Memory of all ranks in vectors of length n, with g, u and d\n" + memory_table(cells);
  return text;
}

}  // namespace lift
