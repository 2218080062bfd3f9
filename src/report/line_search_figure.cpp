#include "src/report/line_search_figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace lift {
namespace {

constexpr std::array kColors = {kVermilion, kBlue, kGreen, kPurple, kOrange, kSky};
constexpr std::size_t kFewest = 4;  ///< points that are always shown beside t = 0
constexpr double kTallest = 25;     ///< what is above this multiple of the gain is cut off

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

std::string data_of(const std::vector<Search>& all, const std::string& what) {
  std::string data;
  for (const Search& search : all) {
    data += fmt::format("{}# round {}: t {}_loss\n", data.empty() ? "" : "\n\n", search.round + 1, what);
    for (const auto& [t, loss] : search.points) data += fmt::format("{} {}\n", t, loss);
  }
  return data;
}

/// The largest t to show of one search: its last, or where doubling beyond the grid went far past t*.
double last_shown(const Search& search) {
  const Points& points = search.points;
  std::size_t last = points.size() - 1;
  const auto doubled = [&] { return points[last].first > 1.9 * points[last - 1].first; };
  while (search.t_star > 0 && last > kFewest && points[last].first > 2.1 * search.t_star && doubled()) --last;
  return points[last].first;
}

double right_edge(const std::vector<Search>& all) {
  double right = 0;
  for (const Search& search : all) right = std::max(right, last_shown(search));
  return right > 0 ? right : 1;
}

/// y around the losses, with room below for the label of t*, and not so high that the gain disappears.
std::pair<double, double> y_range(const std::vector<Search>& all, double right) {
  double low = all.front().points.front().second;
  double high = low;
  double start = low;
  for (const Search& search : all) {
    start = std::max(start, search.points.front().second);
    for (const auto& [t, loss] : search.points) {
      if (t > right) break;
      low = std::min(low, loss);
      high = std::max(high, loss);
    }
  }
  if (start > low) high = std::min(high, start + kTallest * (start - low));
  const double height = high > low ? high - low : 0.01 * std::abs(low) + 1e-6;
  return {low - 0.17 * height, high + 0.08 * height};
}

std::string best_text(const Search& search) {
  const auto [t, loss] = best(search);
  return fmt::format("t* = {:.4g}, perplexity {:.2f}", t, std::exp(loss));
}

/// The loss at t = 0 as a level.
std::string start_level(const Search& search, const char* color) {
  return fmt::format(
      "set arrow from graph 0, first {0} to graph 1, first {0} nohead back dashtype (2,4) linecolor rgb "
      "\"{1}\"\n",
      search.points.front().second, color);
}

/// What a single curve says, beside it: its level at t = 0 and its t*.
std::string labels_of_one(const Search& search, double right) {
  const auto [t, loss] = best(search);
  const double place = t / right;
  const char* side = place < 0.25 ? "left" : place > 0.75 ? "right" : "center";
  return fmt::format(
      "set label \"t = 0\" at graph 1, first {} right offset -0.6,0.6 textcolor rgb \"{}\" font "
      "\",12\"\nset label \"{}\" at first {}, first {} {} offset 0,-1.3 front textcolor rgb \"{}\"\n",
      search.points.front().second, kMark, best_text(search), t, loss, side, color_of(search.round));
}

std::string plot_command(const std::vector<Search>& all) {
  std::string plot;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto [t, loss] = best(all[k]);
    plot += fmt::format(
        "{0} \"line_search.dat\" index {1} using 1:2 linecolor rgb \"{2}\" linewidth 2 pointtype 7 pointsize "
        "0.4 "
        "with linespoints title \"round {3}: {4}\", \\\n"
        "     \"+\" using ({5}):({6}) every ::0::0 linecolor rgb \"{2}\" linewidth 2 pointtype 6 pointsize "
        "1.2 "
        "with points notitle",
        k == 0 ? "plot" : ", \\\n    ", k, color_of(all[k].round), all[k].round + 1, best_text(all[k]), t,
        loss);
  }
  return plot + "\n";
}

}  // namespace

std::optional<Figure> line_search_figure(const RunResult& result) {
  const std::vector<Search> all = searches(result);
  if (all.empty()) return std::nullopt;
  const double right = right_edge(all);
  const auto [low, high] = y_range(all, right);
  // Where other sequences choose than those that are evaluated, theirs is the loss that was searched.
  const std::string what = result.selects_apart() ? "selection" : "validation";
  Figure figure{.name = "line_search", .data = data_of(all, what), .script = figure_style("line_search")};
  figure.script += fmt::format(
      "set xlabel \"step t along (dλ, dW)\"\nset ylabel \"{8} loss (nats/token)\"\n"
      "set y2label \"{8} perplexity\" textcolor rgb \"{0}\" offset -0.8,0\nset border 11\n"
      "set xrange [{1:.6g}:{2:.6g}]\nset yrange [{3:.8g}:{4:.8g}]\nset y2range [{3:.8g}:{4:.8g}]\n"
      "set xtics ({5})\nset ytics ({6})\nset y2tics ({7})\n",
      kInk, -0.012 * right, 1.012 * right, low, high, tick_list(linear_ticks(0, right)),
      tick_list(linear_ticks(low, high)),
      tick_list(linear_ticks(std::exp(low), std::exp(high)), [](double ppl) { return std::log(ppl); }), what);
  if (all.size() == 1) {
    figure.script += start_level(all.front(), kMark) + labels_of_one(all.front(), right);
  } else {
    for (const Search& search : all) figure.script += start_level(search, color_of(search.round));
    figure.script += fmt::format("set key above left maxcols 2 samplen 2 textcolor rgb \"{}\"\n", kInk);
  }
  figure.script += plot_command(all);
  return figure;
}

}  // namespace lift
