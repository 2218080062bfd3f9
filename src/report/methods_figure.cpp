#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "src/report/curve_labels.hpp"
#include "src/report/method_tables.hpp"
#include "src/report/report_figures.hpp"

namespace lift {
namespace {

/// One configuration: a row of the figure.
struct Row {
  std::string name;
  Spread test, ood;
};

/// One column of panels: which perplexity, and of what the rows begin with.
struct Panel {
  const char* title;
  const char* color;
  Spread Row::*perplexity;
  std::optional<SplitLoss> Evaluation::*split;
};
constexpr std::array<Panel, 2> kPanels = {{{"test perplexity", kGreen, &Row::test, &Evaluation::test},
                                           {"OOD perplexity", kPurple, &Row::ood, &Evaluation::ood}}};

Spread after(const Configuration& one, std::optional<SplitLoss> Evaluation::*split) {
  return one.over([&](const KeptRun& run) { return perplexity_of(run.result.after.*split); });
}

double deviation_of(const Spread& spread) {
  return spread.count > 1 ? spread.deviation : 0;
}

/// The least test perplexity first.
std::vector<Row> rows_of(const std::vector<Configuration>& configurations) {
  std::vector<Row> rows;
  for (const Configuration& one : configurations) {
    const Row row{one.name, after(one, &Evaluation::test), after(one, &Evaluation::ood)};
    if (row.test.count > 0) rows.push_back(row);
  }
  std::ranges::stable_sort(rows, {}, [](const Row& row) { return row.test.mean; });
  return rows;
}

/// Rows stand from the top down.
std::string data_of(const std::vector<Row>& rows) {
  std::string data = "# row test_ppl test_sd ood_ppl ood_sd name\n";
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto columns = [](const Spread& spread) {
      return fmt::format("{} {}", plot_number(spread.mean), plot_number(deviation_of(spread)));
    };
    data += fmt::format("{} {} {} {}\n", rows.size() - 1 - k, columns(rows[k].test), columns(rows[k].ood),
                        plot_text(rows[k].name));
  }
  return data;
}

std::string ticks_of(const std::vector<Row>& rows, bool named) {
  std::string ticks;
  for (std::size_t k = 0; k < rows.size(); ++k)
    ticks +=
        fmt::format("{}{} {}", k == 0 ? "" : ", ", plot_text(named ? rows[k].name : ""), rows.size() - 1 - k);
  return fmt::format("set ytics ({})\n", ticks);
}

/// What all began with, where they began alike: to a thousandth, as repeated runs on other ranks do.
double start_of(const std::vector<Configuration>& configurations, const Panel& panel) {
  std::vector<double> means;
  for (const Configuration& one : configurations)
    means.push_back(
        one.over([&](const KeptRun& run) { return perplexity_of(run.result.before.*panel.split); }).mean);
  if (!std::ranges::all_of(means, [](double mean) { return std::isfinite(mean); })) return NAN;
  const auto [low, high] = std::ranges::minmax(means);
  return high - low <= 1e-3 * low ? low : NAN;
}

/// The panel's points and bars between the fractions `left` and `right` of the figure.
std::string panel_of(const std::vector<Row>& rows, const Panel& panel, double start, double left,
                     double right) {
  std::vector<double> values;
  for (const Row& row : rows) {
    const Spread& spread = row.*panel.perplexity;
    for (const double value : {spread.mean - deviation_of(spread), spread.mean + deviation_of(spread)})
      if (std::isfinite(value) && value > 0) values.push_back(value);
  }
  if (std::isfinite(start)) values.push_back(start);
  const Axis axis = perplexity_axis(values);
  const bool first = &panel == &kPanels.front();
  const std::size_t column = first ? 2 : 4;
  std::string script = fmt::format(
      "set lmargin at screen {:.3f}\nset rmargin at screen {:.3f}\nset xlabel \"{}\"\n"
      "set xrange [{:.6g}:{:.6g}]\nset xtics ({})\n{}{}unset arrow\n",
      left, right, panel.title, axis.low, axis.high, tick_list(axis.ticks),
      axis.logarithmic ? "set logscale x\n" : "unset logscale x\n", ticks_of(rows, first));
  if (std::isfinite(start))
    script += fmt::format(
        "set arrow from first {0}, graph 0 to first {0}, graph 1 nohead back dashtype (2,4) linecolor rgb "
        "\"{1}\"\n",
        start, kMark);
  return script + fmt::format(
                      "plot \"methods.dat\" using {}:1:{} linecolor rgb \"{}\" pointtype 7 pointsize 0.7 "
                      "linewidth 2 with xerrorbars notitle\n",
                      column, column + 1, panel.color);
}

}  // namespace

std::optional<Figure> methods_figure(const std::vector<Configuration>& configurations) {
  const std::vector<Row> rows = rows_of(configurations);
  if (rows.size() < 2 || methods_table(configurations).rows.empty()) return std::nullopt;
  const bool ood = std::ranges::any_of(rows, [](const Row& row) { return row.ood.count > 0; });
  const auto count = static_cast<double>(rows.size());
  const double height = 90 + 24 * count;
  Figure figure{
      .name = "methods", .data = data_of(rows), .script = figure_style("methods", static_cast<int>(height))};
  figure.script += fmt::format(
      "set yrange [-0.7:{:.1f}]\nset bmargin at screen {:.3f}\nset tmargin at screen 0.97\nset grid xtics\n"
      "set multiplot\n",
      count - 0.3, 60 / height);
  const auto panel = [&](std::size_t k, double left, double right) {
    figure.script += panel_of(rows, kPanels[k], start_of(configurations, kPanels[k]), left, right);
  };
  panel(0, 0.30, ood ? 0.63 : 0.97);
  if (ood) panel(1, 0.66, 0.97);
  figure.script += "unset multiplot\n";
  return figure;
}

}  // namespace lift
