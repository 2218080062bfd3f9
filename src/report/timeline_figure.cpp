#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "src/report/curve_labels.hpp"
#include "src/report/report_figures.hpp"

namespace lift {
namespace {

constexpr double kSeen = 1e-3;  ///< of the whole time: what is closer than this to the same phase joins it

/// By rank and begin, with neighbours of one phase joined.
std::vector<PhaseSpan> joined(std::vector<PhaseSpan> spans, double whole) {
  std::ranges::stable_sort(spans, [](const PhaseSpan& a, const PhaseSpan& b) {
    return std::pair(a.rank, a.begin) < std::pair(b.rank, b.begin);
  });
  std::vector<PhaseSpan> result;
  for (const PhaseSpan& span : spans) {
    if (!result.empty()) {
      PhaseSpan& last = result.back();
      const double end = last.begin + last.seconds;
      if (last.rank == span.rank && last.phase == span.phase && span.begin - end < kSeen * whole) {
        last.seconds = std::max(end, span.begin + span.seconds) - last.begin;
        continue;
      }
    }
    result.push_back(span);
  }
  return result;
}

/// Phases in the order in which they begin, each with a colour.
std::vector<std::string> phases_of(const std::vector<PhaseSpan>& spans) {
  std::map<std::string, double> begin;
  for (const PhaseSpan& span : spans) {
    const auto [found, fresh] = begin.emplace(span.phase, span.begin);
    if (!fresh) found->second = std::min(found->second, span.begin);
  }
  std::vector<std::string> phases;
  for (const auto& [phase, first] : begin) phases.push_back(phase);
  std::ranges::stable_sort(phases, {}, [&](const std::string& phase) { return begin.at(phase); });
  return phases;
}

std::string box(double left, double right, double row, const char* color) {
  constexpr double kHalf = 0.36;  ///< of a row
  return fmt::format(
      "set object rectangle from {:.8g},{:.4g} to {:.8g},{:.4g} fillcolor rgb \"{}\" fillstyle solid "
      "noborder\n",
      left, row - kHalf, right, row + kHalf, color);
}

}  // namespace

std::optional<Figure> timeline_figure(const KeptRun& run) {
  double end = 0;
  int ranks = 0;
  for (const PhaseSpan& span : run.timeline) {
    end = std::max(end, span.begin + span.seconds);
    ranks = std::max(ranks, span.rank + 1);
  }
  if (!(end > 0) || !std::isfinite(end)) return std::nullopt;
  const std::vector<PhaseSpan> spans = joined(run.timeline, end);
  const std::vector<std::string> phases = phases_of(spans);
  Figure figure{
      .name = "timeline", .data = "# rank begin seconds phase\n", .script = figure_style("timeline")};
  std::string plot;
  for (std::size_t k = 0; k < phases.size(); ++k) {
    plot += fmt::format("{} NaN linecolor rgb \"{}\" linewidth 8 with lines title {}", k == 0 ? "plot" : ",",
                        curve_color(k), plot_text(phases[k]));
  }
  figure.script += fmt::format(
      "set xlabel \"seconds since the run began\"\nset ylabel \"rank\"\nset xrange [0:{:.8g}]\nset yrange "
      "[{}:-0.6]\nset ytics {}\nset key outside below samplen 1 textcolor rgb \"{}\"\n",
      end, ranks - 0.4, std::max(1, ranks / 8), kInk);
  for (const PhaseSpan& span : spans) {
    const auto phase = std::ranges::find(phases, span.phase) - phases.begin();
    figure.data += fmt::format("{} {} {} {}\n", span.rank, span.begin, span.seconds, span.phase);
    figure.script +=
        box(span.begin, span.begin + span.seconds, span.rank, curve_color(static_cast<std::size_t>(phase)));
  }
  figure.script += plot + "\n";
  return figure;
}

std::optional<Figure> seconds_figure(const RunResult& result) {
  std::vector<std::pair<std::string, double>> phases;
  for (const auto& [phase, seconds] : result.seconds)
    if (phase != "total" && seconds > 0 && std::isfinite(seconds)) phases.emplace_back(phase, seconds);
  if (phases.empty()) return std::nullopt;
  std::ranges::stable_sort(phases, [](const auto& a, const auto& b) { return a.second > b.second; });
  Figure figure{.name = "seconds", .data = "# row seconds phase\n", .script = figure_style("seconds")};
  std::string ticks;
  for (std::size_t row = 0; row < phases.size(); ++row) {
    const auto& [phase, seconds] = phases[row];
    figure.data += fmt::format("{} {} {}\n", row, seconds, phase);
    ticks += fmt::format("{}{} {}", row == 0 ? "" : ", ", plot_text(phase), row);
    figure.script += box(0, seconds, static_cast<double>(row), kBlue);
    figure.script += fmt::format("set label \"{:.3g} s\" at {}, {} left offset 0.6,0 textcolor rgb \"{}\"\n",
                                 seconds, seconds, row, kInk);
  }
  figure.script += fmt::format(
      "set xlabel \"seconds, the largest over the ranks\"\nset ytics ({})\nset xrange [0:{:.8g}]\nset yrange "
      "[{}:-0.6]\nplot NaN notitle\n",
      ticks, 1.12 * phases.front().second, static_cast<double>(phases.size()) - 0.4);
  return figure;
}

}  // namespace lift
