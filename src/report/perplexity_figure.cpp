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

/// Epochs, and right of them the place of the model after LiFT.
struct Place {
  double last;  ///< the last epoch
  double lift;
};

Place place_of(const RunResult& result) {
  const double last = result.warmup_epochs();
  return {last, last + std::max(0.6, 0.12 * last)};
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
  return data + row(place.last, result.before) + row(place.lift, result.after);
}

/// Ticks at whole epochs, about eight of them, and LiFT's.
std::string x_ticks(const Place& place) {
  int step = 1;
  for (const int candidate : {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}) {
    step = candidate;
    if (place.last / step <= 8) break;
  }
  std::string ticks;
  for (int epoch = 0; epoch <= static_cast<int>(place.last); epoch += step)
    ticks += fmt::format("{}, ", epoch);
  return fmt::format("set xtics ({}\"LiFT\" {})\n", ticks, place.lift);
}

std::string y_ticks(const Axis& axis) {
  std::string ticks;
  for (const double tick : axis.ticks)
    ticks += fmt::format("{}\"{:g}\" {:g}", ticks.empty() ? "" : ", ", tick, tick);
  return fmt::format("{}set ytics ({})\n", axis.logarithmic ? "set logscale y\n" : "", ticks);
}

/// Names of the curves at their right end, moved apart where they would overlap.
std::string curve_labels(const RunResult& result, const Place& place, const Axis& axis) {
  std::vector<double> wanted;
  std::vector<std::string> texts;
  for (const Curve& curve : kCurves) {
    const double value = perplexity_of(result.after.*curve.split);
    if (!std::isfinite(value)) continue;
    wanted.push_back(axis.fraction(value));
    texts.push_back(fmt::format("\"{} {:.2f}\" textcolor rgb \"{}\"", curve.name, value, curve.color));
  }
  const std::vector<double> placed = spread(wanted, kLabelDistance);
  std::string labels;
  for (std::size_t k = 0; k < placed.size(); ++k) {
    labels += fmt::format("set label {} at first {}, graph {:.4f} left offset 1.1,0\n", texts[k], place.lift,
                          placed[k]);
  }
  return labels;
}

std::string early_stopping_marks(const RunResult& result, const Place& place) {
  if (!result.early_stopping) return "";
  const EarlyStopping& stop = *result.early_stopping;
  std::string marks = fmt::format(
      "set arrow from first {0}, graph 0 to first {0}, graph 1 nohead dashtype (2,4) linecolor rgb \"{1}\"\n"
      "set label \"early stopping\" at first {0}, graph 1 offset 0.6,-0.7 textcolor rgb \"{1}\" font "
      "\",12\"\n",
      stop.epoch, kMark);
  const double test = perplexity_of(stop.test);
  if (std::isfinite(test)) {
    marks += fmt::format(
        "set arrow from first {0}, first {1} to first {2}, first {1} nohead dashtype (2,4) linecolor rgb "
        "\"{3}\"\n",
        stop.epoch, test, place.lift, kGreen);
  }
  return marks;
}

std::string plot_command() {
  std::string plot;
  int column = 2;
  for (const Curve& curve : kCurves) {
    plot += fmt::format(
        "{0} \"perplexity.dat\" index 0 using 1:{1} with linespoints linecolor rgb \"{2}\" linewidth 2 "
        "pointtype 7 pointsize 0.45, \\\n"
        "     \"perplexity.dat\" index 1 using 1:{1} with lines linecolor rgb \"{2}\" linewidth 2 dashtype "
        "(4,3), \\\n"
        "     \"perplexity.dat\" index 1 every ::1 using 1:{1} with points linecolor rgb \"{2}\" pointtype "
        "13 pointsize 1.2",
        column == 2 ? "plot" : ", \\\n    ", column, curve.color);
    ++column;
  }
  return plot + "\n";
}

}  // namespace

std::optional<Figure> perplexity_figure(const RunResult& result) {
  const std::vector<double> values = all_perplexities(result);
  if (result.epochs.empty() || values.empty()) return std::nullopt;
  const Place place = place_of(result);
  const Axis axis = perplexity_axis(values);
  Figure figure{.name = "perplexity", .data = data_of(result, place), .script = {}};
  figure.script = figure_style(figure.name) +
                  fmt::format(
                      "set xlabel \"warm-up epoch\"\nset ylabel \"perplexity\"\nset rmargin 14\n"
                      "set xrange [0:{}]\nset yrange [{}:{}]\n",
                      place.lift, axis.low, axis.high) +
                  x_ticks(place) + y_ticks(axis) + early_stopping_marks(result, place) +
                  curve_labels(result, place, axis) + plot_command();
  return figure;
}

}  // namespace lift
