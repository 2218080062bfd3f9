#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/report/curve_labels.hpp"
#include "src/report/report_figures.hpp"
#include "src/report/tuned_shape.hpp"

namespace lift {
namespace {

/// λ over the rounds, by group: [p][rounds + 1].
std::vector<std::vector<double>> curves_of(const RunResult& result) {
  std::vector<std::vector<double>> curves(result.rounds.front().lambda_before.size());
  for (std::size_t group = 0; group < curves.size(); ++group) {
    curves[group].push_back(result.rounds.front().lambda_before[group]);
    for (const RoundResult& round : result.rounds) {
      if (group < round.lambda_after.size()) curves[group].push_back(round.lambda_after[group]);
    }
  }
  return curves;
}

/// Whole decades around the positive values; nothing where there are none.
std::optional<std::pair<double, double>> decades(const std::vector<std::vector<double>>& curves) {
  double low = INFINITY, high = 0;
  for (const auto& curve : curves) {
    for (const double value : curve) {
      if (!(value > 0) || !std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (high == 0) return std::nullopt;
  const double first = std::floor(std::log10(low));
  return std::pair(first, std::max(first + 1, std::ceil(std::log10(high))));
}

}  // namespace

std::optional<Figure> lambda_figure(const KeptRun& run) {
  if (run.result.rounds.empty()) return std::nullopt;
  const auto curves = curves_of(run.result);
  const auto range = decades(curves);
  if (!range) return std::nullopt;
  const std::vector<std::string> names = group_names(run, curves.size());
  Figure figure{.name = "lambda", .data = {}, .script = figure_style("lambda")};
  std::string plot;
  std::vector<EdgeLabel> labels;
  for (std::size_t group = 0; group < curves.size(); ++group) {
    figure.data += fmt::format("{}# {}: round lambda\n", group == 0 ? "" : "\n\n", names[group]);
    for (std::size_t k = 0; k < curves[group].size(); ++k)
      figure.data += fmt::format("{} {}\n", k, curves[group][k] > 0 ? plot_number(curves[group][k]) : "NaN");
    plot += fmt::format(
        "{} \"lambda.dat\" index {} using 1:2 linecolor rgb \"{}\" linewidth 2 pointtype 7 pointsize 0.5 "
        "with "
        "linespoints",
        plot.empty() ? "plot" : ", \\\n    ", group, curve_color(group));
    if (const double last = curves[group].back(); last > 0)
      labels.push_back({names[group], curve_color(group),
                        (std::log10(last) - range->first) / (range->second - range->first)});
  }
  const auto rounds = static_cast<double>(run.result.rounds.size());
  figure.script += fmt::format(
      "set xlabel \"after round\"\nset ylabel \"λ\"\nset logscale y\nset format y \"10^{{%L}}\"\nset rmargin "
      "18\nset xrange [{:.6g}:{:.6g}]\nset yrange [1e{}:1e{}]\nset xtics 1\n",
      -0.012 * rounds, rounds, range->first, range->second);
  figure.script += edge_labels(labels) + plot + "\n";
  return figure;
}

}  // namespace lift
