#include "src/report/perplexity_figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace lift {
namespace {

constexpr double kLabelDistance = 0.062;  ///< of the y axis
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// One curve: a split over the epochs, W0 and what LiFT made of it.
struct Curve {
  const char* name;
  const char* color;
  double EpochLosses::*loss;
  std::optional<SplitLoss> Evaluation::*split;
};

constexpr std::array<Curve, 3> kCurves = {{
    {"train", kBlue, &EpochLosses::train, &Evaluation::train},
    {"valid", kVermilion, &EpochLosses::valid, &Evaluation::valid},
    {"test", kGreen, &EpochLosses::test, &Evaluation::test},
}};

double perplexity_of(const std::optional<SplitLoss>& split) {
  return split ? split->perplexity() : kNaN;
}

/// The last epoch, and right of it the place of the model after LiFT; both the same without one.
struct Place {
  double last;
  double lift;
};

Place place_of(const RunResult& result) {
  const double last = result.warmup_epochs();
  const bool searched = result.after.train || result.after.valid || result.after.test;
  return {last, searched ? last + std::max(0.6, 0.14 * last) : last};
}

std::vector<double> all_perplexities(const RunResult& result) {
  std::vector<double> values;
  const auto add = [&](double value) {
    if (std::isfinite(value) && value > 0) values.push_back(value);
  };
  for (const Curve& curve : kCurves) {
    for (const EpochLosses& epoch : result.epochs) add(std::exp(epoch.*curve.loss));
    add(perplexity_of(result.before.*curve.split));
    add(perplexity_of(result.after.*curve.split));
  }
  return values;
}

std::string data_of(const RunResult& result, const Place& place) {
  std::string data = "# epoch train_ppl valid_ppl test_ppl\n";
  for (const EpochLosses& epoch : result.epochs) {
    data += fmt::format("{} {} {} {}\n", epoch.epoch, plot_number(std::exp(epoch.train)),
                        plot_number(std::exp(epoch.valid)), plot_number(std::exp(epoch.test)));
  }
  const auto row = [](double x, const Evaluation& e) {
    return fmt::format("{} {} {} {}\n", x, plot_number(perplexity_of(e.train)),
                       plot_number(perplexity_of(e.valid)), plot_number(perplexity_of(e.test)));
  };
  data += "\n\n# before and after LiFT: place train_ppl valid_ppl test_ppl\n";
  data += row(place.last, result.before);
  return place.lift > place.last ? data + row(place.lift, result.after) : data;
}

/// Ticks at whole epochs, at most nine of them, and LiFT's.
std::string x_ticks(const Place& place) {
  int step = 1;
  for (const int candidate : {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}) {
    step = candidate;
    if (place.last / step <= 8) break;
  }
  std::string ticks;
  for (int epoch = 0; epoch <= static_cast<int>(place.last); epoch += step) {
    ticks += fmt::format("{}{}", epoch == 0 ? "" : ", ", epoch);
  }
  if (place.lift > place.last) ticks += fmt::format(", \"LiFT\" {}", place.lift);
  return fmt::format("set xtics ({})\n", ticks);
}

/// Names and levels at the right edge, moved apart where they would overlap.
std::string edge_labels(const RunResult& result, const Place& place, const Axis& axis) {
  std::vector<double> wanted;
  std::vector<std::string> texts;
  const auto add = [&](double value, const char* name, const char* color) {
    if (!std::isfinite(value)) return;
    wanted.push_back(axis.fraction(value));
    texts.push_back(
        fmt::format("\"{} {:.{}f}\" textcolor rgb \"{}\"", name, value, value < 1000 ? 2 : 0, color));
  };
  const Evaluation& model = place.lift > place.last ? result.after : result.before;
  for (const Curve& curve : kCurves) add(perplexity_of(model.*curve.split), curve.name, curve.color);
  if (result.early_stopping) add(perplexity_of(result.early_stopping->test), "early stopping, test", kGreen);

  const std::vector<double> placed = spread(wanted, kLabelDistance);
  std::string labels;
  for (std::size_t k = 0; k < placed.size(); ++k) {
    labels += fmt::format("set label {} at first {}, graph {:.4f} left offset 1.2,0\n", texts[k], place.lift,
                          placed[k]);
  }
  return labels;
}

/// The epoch of early stopping, and its test perplexity as a level up to the right edge.
std::string early_stopping_marks(const RunResult& result, const Place& place) {
  if (!result.early_stopping) return "";
  const EarlyStopping& stop = *result.early_stopping;
  const bool on_the_right = stop.epoch > 0.6 * place.lift;
  std::string marks = fmt::format(
      "set arrow from first {0}, graph 0 to first {0}, graph 1 nohead back dashtype (2,4) linecolor rgb "
      "\"{1}\"\n"
      "set label \"early stopping, epoch {0}\" at first {0}, graph 1 {2} offset {3},0.6 textcolor rgb "
      "\"{1}\" "
      "font \",12\"\n",
      stop.epoch, kMark, on_the_right ? "right" : "left", on_the_right ? 1 : -1);
  const double test = perplexity_of(stop.test);
  if (!std::isfinite(test)) return marks;
  return marks + fmt::format(
                     "set arrow from first {0}, first {1} to first {2}, first {1} nohead back dashtype (2,4) "
                     "linecolor rgb \"{3}\"\n",
                     stop.epoch, test, place.lift, kGreen);
}

/// For each split: the epochs, then a dashed line from W0 to the model after LiFT.
std::string plot_command(bool searched) {
  std::string plot;
  for (std::size_t k = 0; k < kCurves.size(); ++k) {
    const std::string style =
        fmt::format("using 1:{} linecolor rgb \"{}\" linewidth 2 pointtype 7", k + 2, kCurves[k].color);
    plot += fmt::format("{} \"perplexity.dat\" index 0 {} pointsize 0.4 with linespoints",
                        k == 0 ? "plot" : ", \\\n    ", style);
    if (!searched) continue;
    plot += fmt::format(
        ", \\\n     \"perplexity.dat\" index 1 {} pointsize 0.4 dashtype (4,3) with linespoints", style);
    plot +=
        fmt::format(", \\\n     \"perplexity.dat\" index 1 every ::1 {} pointsize 0.9 with points", style);
  }
  return plot + "\n";
}

}  // namespace

std::optional<Figure> perplexity_figure(const RunResult& result) {
  const std::vector<double> values = all_perplexities(result);
  if (result.epochs.empty() || values.empty()) return std::nullopt;
  const Place place = place_of(result);
  const Axis axis = perplexity_axis(values);
  const double left = -0.012 * place.lift;  // so that the points of epoch 0 stand clear of the axis
  Figure figure{.name = "perplexity", .data = data_of(result, place), .script = {}};
  figure.script =
      figure_style(figure.name) +
      fmt::format(
          "set xlabel \"warm-up epoch\"\nset ylabel \"perplexity\"\nset rmargin 25\nset tmargin 2.5\n"
          "set xrange [{:.6g}:{:.6g}]\nset yrange [{:.6g}:{:.6g}]\nset ytics ({})\n{}",
          left, place.lift, axis.low, axis.high, tick_list(axis.ticks),
          axis.logarithmic ? "set logscale y\n" : "") +
      x_ticks(place) + early_stopping_marks(result, place) + edge_labels(result, place, axis) +
      plot_command(place.lift > place.last);
  return figure;
}

}  // namespace lift
