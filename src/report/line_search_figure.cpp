#include "src/report/line_search_figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace lift {
namespace {

constexpr std::array kColors = {kVermilion, kBlue, kGreen, kPurple, kOrange, kSky};
constexpr double kTallest = 25;  ///< what is above this multiple of the gain is cut off

const char* color_of(std::size_t round) {
  return kColors[round % kColors.size()];
}

using Points = std::vector<std::pair<double, double>>;

/// Of the rounds that had a line search, the points with a finite loss.
struct Search {
  std::size_t round;  ///< from 0
  double t_star;
  Points points;
};

std::vector<Search> searches(const RunResult& result) {
  std::vector<Search> found;
  for (std::size_t k = 0; k < result.rounds.size(); ++k) {
    Search search{k, result.rounds[k].t_star, {}};
    for (const auto& point : result.rounds[k].line_search) {
      if (std::isfinite(point.second)) search.points.push_back(point);
    }
    if (!search.points.empty()) found.push_back(std::move(search));
  }
  return found;
}

/// The point at t*: the nearest one, in case the file was written with fewer digits.
std::pair<double, double> best(const Search& search) {
  return *std::min_element(search.points.begin(), search.points.end(), [&](const auto& a, const auto& b) {
    return std::abs(a.first - search.t_star) < std::abs(b.first - search.t_star);
  });
}

std::string data_of(const std::vector<Search>& all) {
  std::string data;
  for (const Search& search : all) {
    data += fmt::format("{}# round {}: t valid_loss\n", data.empty() ? "" : "\n\n", search.round + 1);
    for (const auto& [t, loss] : search.points) data += fmt::format("{} {}\n", t, loss);
  }
  return data;
}

/// y from a little below the least loss to a little above the largest, but not so high that the gain
/// disappears.
std::pair<double, double> y_range(const std::vector<Search>& all) {
  double low = all.front().points.front().second;
  double high = low;
  double start = low;
  for (const Search& search : all) {
    start = std::max(start, search.points.front().second);
    for (const auto& [t, loss] : search.points) {
      low = std::min(low, loss);
      high = std::max(high, loss);
    }
  }
  if (start > low) high = std::min(high, start + kTallest * (start - low));
  const double margin = high > low ? 0.08 * (high - low) : 0.01 * std::abs(low) + 1e-6;
  return {low - margin, high + margin};
}

std::string level_of_start(const Search& search, bool only) {
  return fmt::format(
      "set arrow from graph 0, first {0} to graph 1, first {0} nohead back dashtype (2,4) linecolor rgb "
      "\"{1}\"\n",
      search.points.front().second, only ? kMark : color_of(search.round));
}

std::string best_label(const Search& search, bool only, double right) {
  const auto [t, loss] = best(search);
  const std::string round = only ? "" : fmt::format("round {}: ", search.round + 1);
  const bool left_of_it = t > 0.6 * right;
  return fmt::format(
      "set label \"{}t* = {:.4g}, perplexity {:.2f}\" at first {}, first {} {} offset {},-1.1 front "
      "textcolor rgb \"{}\"\n",
      round, t, std::exp(loss), t, loss, left_of_it ? "right" : "left", left_of_it ? 2 : -1,
      color_of(search.round));
}

std::string plot_command(const std::vector<Search>& all) {
  std::string plot;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto [t, loss] = best(all[k]);
    plot += fmt::format(
        "{0} \"line_search.dat\" index {1} using 1:2 with linespoints linecolor rgb \"{2}\" linewidth 2 "
        "pointtype 7 "
        "pointsize 0.4, \\\n     \"+\" using ({3}):({4}) every ::0::0 with points linecolor rgb \"{2}\" "
        "pointtype 6 "
        "pointsize 1.6 linewidth 2",
        k == 0 ? "plot" : ", \\\n    ", k, color_of(all[k].round), t, loss);
  }
  return plot + "\n";
}

}  // namespace

std::optional<Figure> line_search_figure(const RunResult& result) {
  const std::vector<Search> all = searches(result);
  if (all.empty()) return std::nullopt;
  const bool only = all.size() == 1;
  double right = 0;
  for (const Search& search : all) right = std::max(right, search.points.back().first);
  const auto [low, high] = y_range(all);

  Figure figure{.name = "line_search", .data = data_of(all), .script = {}};
  figure.script = figure_style(figure.name) +
                  fmt::format(
                      "set xlabel \"step t along (dλ, dW)\"\nset ylabel \"validation loss (nats/token)\"\n"
                      "set y2label \"validation perplexity\" textcolor rgb \"{}\"\n"
                      "set border 11\nset xrange [0:{}]\nset yrange [{}:{}]\n"
                      "set link y2 via exp(y) inverse log(y)\nset y2tics\n",
                      kInk, right > 0 ? right : 1, low, high);
  for (const Search& search : all)
    figure.script += level_of_start(search, only) + best_label(search, only, right);
  if (only) {
    figure.script += fmt::format(
        "set label \"t = 0\" at graph 1, first {} right offset -0.5,0.6 textcolor rgb \"{}\" "
        "font \",12\"\n",
        all.front().points.front().second, kMark);
  }
  figure.script += plot_command(all);
  return figure;
}

}  // namespace lift
