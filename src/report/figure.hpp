#pragma once
#include <functional>
#include <string>
#include <vector>

namespace lift {

/// One figure as gnuplot needs it: the script reads NAME.dat and writes NAME.svg, both beside it.
struct Figure {
  std::string name;
  std::string data;
  std::string script;
};

/// Colours that stay apart for colour-blind readers (Okabe and Ito 2008, "Color universal design").
inline constexpr const char* kBlue = "#0072B2";
inline constexpr const char* kVermilion = "#D55E00";
inline constexpr const char* kGreen = "#009E73";
inline constexpr const char* kPurple = "#CC79A7";
inline constexpr const char* kOrange = "#E69F00";
inline constexpr const char* kSky = "#56B4E9";
inline constexpr const char* kInk = "#333333";   ///< text and axes
inline constexpr const char* kGrid = "#E6E6E6";  ///< light lines behind the data
inline constexpr const char* kMark = "#777777";  ///< lines that mark a level or a place

/// What all figures share: SVG of the figure's name, white, so many pixels high, fonts, thin axes, light
/// grid.
[[nodiscard]] std::string figure_style(const std::string& name, int height = 440);

/// A number as gnuplot reads it; "NaN" if it is not finite.
[[nodiscard]] std::string plot_number(double value);

/// An axis: its range, where its ticks stand, and whether it is logarithmic.
struct Axis {
  double low = 0;
  double high = 1;
  bool logarithmic = false;
  std::vector<double> ticks;
  /// Where `value` stands between low (0) and high (1).
  [[nodiscard]] double fraction(double value) const;
  [[nodiscard]] double at(double fraction) const;
};

/// Round numbers between `low` and `high`, four to ten of them, equally far apart.
[[nodiscard]] std::vector<double> linear_ticks(double low, double high);

/// Ticks as gnuplot's `set …tics` takes them: labels with as many decimals as tell them apart, each where
/// `place` puts its value.
[[nodiscard]] std::string tick_list(const std::vector<double>& ticks,
                                    const std::function<double(double)>& place = {});

/// A perplexity axis around positive `values`, logarithmic if they span more than a factor of six.
[[nodiscard]] Axis perplexity_axis(const std::vector<double>& values);

/// Moves positions in [0, 1] apart until neighbours are `distance` apart, each as little as possible; the
/// order is kept.
[[nodiscard]] std::vector<double> spread(const std::vector<double>& positions, double distance);

}  // namespace lift
