#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "src/report/curve_labels.hpp"
#include "src/report/paper_tables.hpp"
#include "src/report/report_figures.hpp"

namespace lift {
namespace {

struct Point {
  int epochs = 0;
  Spread search, early;
};

struct Series {
  std::string name;
  std::vector<Point> points;
};

/// What configurations of one curve share: all but the length of the warm-up.
RunOptions without_length(const RunOptions& options, const std::set<std::string>& averaged) {
  RunOptions shared = settings_of(options, averaged);
  for (const char* name : {"warmup.epochs", "warmup.keep", "start"}) shared.erase(name);
  return shared;
}

std::vector<Series> series_of(const std::vector<Configuration>& configurations,
                              const std::set<std::string>& averaged) {
  std::vector<Series> all;
  std::map<RunOptions, std::size_t> place;
  for (const Configuration& one : configurations) {
    const KeptRun& run = one.first();
    const Spread search = one.over(test_reduction);
    if (!run.options || !run.warmup.epochs || search.count == 0) continue;
    const auto [found, fresh] = place.emplace(without_length(*run.options, averaged), all.size());
    if (fresh) all.push_back({one.name, {}});
    all[found->second].points.push_back({*run.warmup.epochs, search, one.over(early_stopping_reduction)});
  }
  std::erase_if(all, [](const Series& series) {
    return std::ranges::all_of(
        series.points, [&](const Point& point) { return point.epochs == series.points.front().epochs; });
  });
  for (Series& series : all) std::ranges::stable_sort(series.points, {}, &Point::epochs);
  return all;
}

std::string data_of(const std::vector<Series>& all) {
  std::string data;
  const auto columns = [](const Spread& spread) {
    return fmt::format("{} {}", plot_number(spread.mean),
                       plot_number(spread.count > 1 ? spread.deviation : 0));
  };
  for (const Series& series : all) {
    data += fmt::format("{}# {}: epochs reduction_percent sd early_stopping_percent sd\n",
                        data.empty() ? "" : "\n\n", series.name);
    for (const Point& point : series.points)
      data += fmt::format("{} {} {}\n", point.epochs, columns(point.search), columns(point.early));
  }
  return data;
}

/// Bars first: gnuplot clears the place of their points.
std::string plot_command(const std::vector<Series>& all) {
  std::string bars, curves;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto curve = [&](int column, const char* style, const std::string& title) {
      const std::string head = fmt::format("\"reduction.dat\" index {} using 1:{}", k, column);
      bars += fmt::format("{} {}:{} linecolor rgb \"{}\" pointtype 7 pointsize 0.5 with yerrorbars notitle",
                          bars.empty() ? "plot" : ", \\\n    ", head, column + 1, curve_color(k));
      curves += fmt::format(", \\\n     {} linecolor rgb \"{}\" linewidth 2 {} with linespoints title {}",
                            head, curve_color(k), style, plot_text(title));
    };
    const std::string of = all.size() > 1 ? ": " + all[k].name : "";
    curve(2, "pointtype 7 pointsize 0.7", "search" + of);
    curve(4, "pointtype 6 pointsize 0.7 dashtype (4,3)", "early stopping" + of);
  }
  return bars + curves + "\n";
}

std::pair<double, double> range_of(const std::vector<Series>& all, auto&& values) {
  double low = INFINITY, high = -INFINITY;
  for (const Series& series : all) {
    for (const Point& point : series.points) {
      for (const double value : values(point)) {
        if (!std::isfinite(value)) continue;
        low = std::min(low, value);
        high = std::max(high, value);
      }
    }
  }
  return {low, high};
}

std::vector<double> heights(const Point& point) {
  const auto edge = [](const Spread& spread, int side) {
    return spread.mean + side * (spread.count > 1 ? spread.deviation : 0);
  };
  return {0, edge(point.search, -1), edge(point.search, 1), edge(point.early, -1), edge(point.early, 1)};
}

}  // namespace

std::optional<Figure> reduction_figure(const std::vector<Configuration>& configurations,
                                       const std::set<std::string>& averaged) {
  const std::vector<Series> all = series_of(configurations, averaged);
  if (all.empty()) return std::nullopt;
  const auto x = range_of(all, [](const Point& point) { return std::vector<double>{1.0 * point.epochs}; });
  const auto y = range_of(all, heights);
  const double margin = y.second > y.first ? 0.06 * (y.second - y.first) : 1;
  Figure figure{.name = "reduction", .data = data_of(all), .script = figure_style("reduction")};
  figure.script += fmt::format(
      "set xlabel \"warm-up epochs\"\nset ylabel \"reduction of the test perplexity (%)\"\n"
      "set xrange [{:.6g}:{:.6g}]\nset yrange [{:.6g}:{:.6g}]\nset key outside below maxcols 2 samplen 3 "
      "textcolor rgb \"{}\"\n"
      "set arrow from graph 0, first 0 to graph 1, first 0 nohead back linecolor rgb \"{}\"\n",
      x.first - 0.03 * (x.second - x.first), x.second + 0.03 * (x.second - x.first), y.first - margin,
      y.second + margin, kInk, kMark);
  figure.script += plot_command(all);
  return figure;
}

}  // namespace lift
