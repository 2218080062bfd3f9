#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "src/report/curve_labels.hpp"
#include "src/report/report_figures.hpp"
#include "src/report/stages_table.hpp"

namespace lift {
namespace {

struct Curve {
  const char* name;
  const char* color;
  Spread StageSummary::*perplexity;
};
constexpr std::array<Curve, 2> kCurves = {
    {{"valid", kVermilion, &StageSummary::valid}, {"test", kGreen, &StageSummary::test}}};

std::vector<double> values_of(const std::vector<StageSummary>& rows) {
  std::vector<double> values;
  for (const StageSummary& row : rows) {
    for (const Curve& curve : kCurves) {
      const Spread& spread = row.*curve.perplexity;
      const double deviation = spread.count > 1 ? spread.deviation : 0;
      for (const double value : {spread.mean - deviation, spread.mean + deviation})
        if (std::isfinite(value) && value > 0) values.push_back(value);
    }
  }
  return values;
}

std::string data_of(const std::vector<StageSummary>& stages) {
  std::string data = "# stage valid_ppl valid_sd test_ppl test_sd name\n";
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const auto deviation = [](const Spread& spread) {
      return plot_number(spread.count > 1 ? spread.deviation : 0);
    };
    data +=
        fmt::format("{} {} {} {} {} {}\n", k, plot_number(stages[k].valid.mean), deviation(stages[k].valid),
                    plot_number(stages[k].test.mean), deviation(stages[k].test), plot_text(stages[k].name));
  }
  return data;
}

std::string ticks_of(const std::vector<StageSummary>& stages) {
  std::string ticks;
  for (std::size_t k = 0; k < stages.size(); ++k)
    ticks += fmt::format("{}{} {}", k == 0 ? "" : ", ", plot_text(stages[k].name), k);
  return fmt::format("set xtics ({}){}\n", ticks, stages.size() > 4 ? " rotate by -25 left" : "");
}

/// Bars first: gnuplot clears the place of their points.
std::string plot_command(bool several) {
  std::string plot;
  const auto add = [&](const std::string& curve) {
    plot += fmt::format("{} \"stages.dat\" using 1:{}", plot.empty() ? "plot" : ", \\\n    ", curve);
  };
  for (std::size_t k = 0; several && k < kCurves.size(); ++k)
    add(fmt::format("{}:{} linecolor rgb \"{}\" pointtype 7 pointsize 0.6 with yerrorbars", 2 * k + 2,
                    2 * k + 3, kCurves[k].color));
  for (std::size_t k = 0; k < kCurves.size(); ++k)
    add(fmt::format("{} linecolor rgb \"{}\" linewidth 2 pointtype 7 pointsize 0.6 with linespoints",
                    2 * k + 2, kCurves[k].color));
  return plot + "\n";
}

}  // namespace

std::optional<Figure> stages_figure(const Configuration& configuration) {
  std::vector<StageSummary> stages = stage_summaries(configuration);
  const std::vector<double> values = values_of(stages);
  if (stages.empty() || values.empty()) return std::nullopt;
  const Spread stop = stages.back().test;
  stages.pop_back();
  const Axis axis = perplexity_axis(values);
  const double right = static_cast<double>(stages.size()) - 1;
  std::vector<EdgeLabel> labels;
  for (const Curve& curve : kCurves) {
    const double last = (stages.back().*curve.perplexity).mean;
    if (std::isfinite(last))
      labels.push_back({fmt::format("{} {:.2f}", curve.name, last), curve.color, axis.fraction(last)});
  }
  Figure figure{.name = "stages", .data = data_of(stages), .script = figure_style("stages")};
  figure.script += fmt::format(
      "set ylabel \"perplexity\"\nset rmargin 25\nset xrange [{:.6g}:{:.6g}]\nset yrange [{:.6g}:{:.6g}]\n"
      "set ytics ({})\n{}",
      -0.012 * right, right, axis.low, axis.high, tick_list(axis.ticks),
      axis.logarithmic ? "set logscale y\n" : "");
  if (std::isfinite(stop.mean)) {
    labels.push_back(
        {fmt::format("early stopping, test {:.2f}", stop.mean), kMark, axis.fraction(stop.mean)});
    figure.script += fmt::format(
        "set arrow from graph 0, first {0} to graph 1, first {0} nohead back dashtype (2,4) linecolor rgb "
        "\"{1}\"\n",
        stop.mean, kMark);
  }
  figure.script += ticks_of(stages) + edge_labels(labels) + plot_command(configuration.runs.size() > 1);
  return figure;
}

}  // namespace lift
