#include "src/report/splits_figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lift {
namespace {

constexpr double kLabelDistance = 0.062;  ///< of the y axis

using Points = std::vector<std::pair<double, double>>;  ///< (t, loss − loss at t = 0)

struct Curve {
  std::string name;
  const char* color;
  Points points;
};

/// The change since t = 0 up to `right`, which is left out where it is not finite.
Points changes(const Points& losses, double right) {
  Points points;
  for (const auto& [t, loss] : losses) {
    if (t <= right && std::isfinite(loss)) points.emplace_back(t, loss - losses.front().second);
  }
  return points;
}

/// The last t to show: that of the step taken or a little more, the end of the grid where none was.
double right_edge(const RoundResult& round) {
  constexpr double kBeyond = 1.35;
  if (round.t_star <= 0) return round.line_search.back().first;
  double right = round.t_star;
  for (const auto& [t, loss] : round.line_search) {
    if (t <= kBeyond * round.t_star) right = std::max(right, t);
  }
  return right;
}

/// What chose t*: other sequences than those evaluated as valid, where there are any.
const char* name_of_selection(const RunResult& result) {
  return result.selects_apart() ? "selection" : "valid";
}

std::vector<Curve> curves_of(const RunResult& result, const RoundResult& round, double right) {
  std::vector<Curve> curves;
  const auto add = [&](const char* name, const char* color, const Points& losses) {
    if (losses.empty() || !std::isfinite(losses.front().second)) return;
    curves.push_back({name, color, changes(losses, right)});
  };
  const auto of = [&](const char* name) {
    const auto found = round.curves.find(name);
    return found == round.curves.end() ? Points{} : found->second;
  };
  add("train", kBlue, of("train"));
  add(name_of_selection(result), kVermilion, round.line_search);
  add("test", kGreen, of("test"));
  return curves;
}

std::pair<double, double> y_range(const std::vector<Curve>& curves) {
  double low = 0, high = 0;
  for (const Curve& curve : curves) {
    for (const auto& [t, change] : curve.points) {
      low = std::min(low, change);
      high = std::max(high, change);
    }
  }
  const double margin = high > low ? 0.06 * (high - low) : 1e-6;
  return {low - margin, high + margin};
}

/// Names at the right end of the curves, moved apart where they would overlap.
std::string edge_labels(const std::vector<Curve>& curves, std::pair<double, double> range) {
  std::vector<double> wanted;
  for (const Curve& curve : curves)
    wanted.push_back((curve.points.back().second - range.first) / (range.second - range.first));
  const std::vector<double> placed = spread(wanted, kLabelDistance);
  std::string labels;
  for (std::size_t k = 0; k < curves.size(); ++k) {
    labels += fmt::format("set label \"{}\" at graph 1, graph {:.4f} left offset 1,0 textcolor rgb \"{}\"\n",
                          curves[k].name, placed[k], curves[k].color);
  }
  return labels;
}

std::string data_of(const std::vector<Curve>& curves) {
  std::string data;
  for (const Curve& curve : curves) {
    data += fmt::format("{}# {}: t change_of_loss\n", data.empty() ? "" : "\n\n", curve.name);
    for (const auto& [t, change] : curve.points) data += fmt::format("{} {}\n", t, change);
  }
  return data;
}

std::string plot_command(const std::vector<Curve>& curves) {
  std::string plot;
  for (std::size_t k = 0; k < curves.size(); ++k) {
    plot += fmt::format(
        "{} \"losses_over_t.dat\" index {} using 1:2 linecolor rgb \"{}\" linewidth 2 pointtype 7 pointsize "
        "0.4 "
        "with linespoints",
        k == 0 ? "plot" : ", \\\n    ", k, curves[k].color);
  }
  return plot + "\n";
}

}  // namespace

std::optional<Figure> splits_figure(const RunResult& result) {
  if (result.rounds.empty()) return std::nullopt;
  const RoundResult& round = result.rounds.front();
  if (round.curves.empty() || round.line_search.empty()) return std::nullopt;
  const double right = right_edge(round);
  const std::vector<Curve> curves = curves_of(result, round, right);
  if (curves.empty() || right <= 0) return std::nullopt;
  const auto range = y_range(curves);
  Figure figure{.name = "losses_over_t", .data = data_of(curves), .script = figure_style("losses_over_t")};
  figure.script += fmt::format(
      "set xlabel \"step t along (dλ, dW)\"\nset ylabel \"change of the loss since t = 0 (nats/token)\"\n"
      "set rmargin 11\nset tmargin 2.5\nset xrange [{:.6g}:{:.6g}]\nset yrange [{:.8g}:{:.8g}]\n"
      "set xtics ({})\nset ytics ({})\n",
      -0.012 * right, right, range.first, range.second, tick_list(linear_ticks(0, right)),
      tick_list(linear_ticks(range.first, range.second)));
  figure.script += fmt::format(
      "set arrow from graph 0, first 0 to graph 1, first 0 nohead back linecolor rgb \"{0}\"\n"
      "set arrow from first {1}, graph 0 to first {1}, graph 1 nohead back dashtype (2,4) linecolor rgb "
      "\"{0}\"\n"
      "set label \"t* = {1:.4g}\" at first {1}, graph 1 center offset 0,0.6 textcolor rgb \"{0}\" font "
      "\",12\"\n",
      kMark, round.t_star);
  figure.script += edge_labels(curves, range) + plot_command(curves);
  return figure;
}

}  // namespace lift
