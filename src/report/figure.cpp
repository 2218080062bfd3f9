#include "src/report/figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace lift {
namespace {

constexpr double kLogSpan = 6;
constexpr double kMargin = 0.06;  ///< of the axis, free above and below the data

/// The largest of 1, 2, 5 times a power of ten that is at most `value`.
double nice_floor(double value) {
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  const double lead = value / power;
  return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}

std::vector<double> logarithmic_ticks(double low, double high) {
  const bool dense = high / low < 100;
  std::vector<double> ticks;
  for (double power = std::pow(10.0, std::floor(std::log10(low))); power <= high; power *= 10) {
    for (const double lead : dense ? std::vector<double>{1, 2, 3, 5, 7} : std::vector<double>{1, 2, 5}) {
      if (lead * power >= low && lead * power <= high) ticks.push_back(lead * power);
    }
  }
  return ticks;
}

}  // namespace

std::string figure_style(const std::string& name, int height) {
  return fmt::format(R"(# Drawn again by: gnuplot {0}.gp
set encoding utf8
set terminal svg size 720,{3} dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "{0}.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "{1}" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "{1}"
set grid ytics linetype 1 linecolor rgb "{2}" linewidth 1
set xlabel textcolor rgb "{1}" offset 0,0.2
set ylabel textcolor rgb "{1}" offset 0.8,0
unset key
)",
                     name, kInk, kGrid, height);
}

std::string plot_number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "NaN";
}

std::vector<double> linear_ticks(double low, double high) {
  const double step = nice_floor((high - low) / 4);
  std::vector<double> ticks;
  for (double k = std::ceil(low / step); k * step <= high; ++k) ticks.push_back(k * step);
  return ticks;
}

std::string tick_list(const std::vector<double>& ticks, const std::function<double(double)>& place) {
  double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
  for (std::size_t k = 1; k < ticks.size(); ++k) step = std::min(step, ticks[k] - ticks[k - 1]);
  const int decimals = step > 0 ? std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9))) : 0;
  std::string list;
  for (const double tick : ticks) {
    list +=
        fmt::format("{}\"{:.{}f}\" {}", list.empty() ? "" : ", ", tick, decimals, place ? place(tick) : tick);
  }
  return list;
}

double Axis::fraction(double value) const {
  return logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
}

double Axis::at(double fraction) const {
  return logarithmic ? low * std::pow(high / low, fraction) : low + fraction * (high - low);
}

Axis perplexity_axis(const std::vector<double>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  Axis data{.low = *least, .high = *most, .logarithmic = *most > kLogSpan * *least, .ticks = {}};
  if (data.low == data.high)
    data = {.low = 0.9 * *least, .high = 1.1 * *most, .logarithmic = false, .ticks = {}};
  Axis axis = data;
  axis.low = data.at(-kMargin);
  axis.high = data.at(1 + kMargin);
  axis.ticks = axis.logarithmic ? logarithmic_ticks(axis.low, axis.high) : linear_ticks(axis.low, axis.high);
  return axis;
}

std::vector<double> spread(const std::vector<double>& positions, double distance) {
  std::vector<std::size_t> order(positions.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return positions[a] < positions[b]; });
  // Clusters of labels that touch, each centred on the mean of the places its labels want.
  struct Cluster {
    double centre;
    std::size_t size;
  };
  std::vector<Cluster> clusters;
  const auto half = [&](const Cluster& c) { return 0.5 * distance * static_cast<double>(c.size); };
  for (const std::size_t k : order) {
    clusters.push_back({positions[k], 1});
    while (clusters.size() > 1) {
      Cluster& below = clusters[clusters.size() - 2];
      const Cluster& above = clusters.back();
      if (below.centre + half(below) <= above.centre - half(above)) break;
      const auto total = static_cast<double>(below.size + above.size);
      below.centre =
          (below.centre * static_cast<double>(below.size) + above.centre * static_cast<double>(above.size)) /
          total;
      below.size += above.size;
      clusters.pop_back();
    }
  }
  std::vector<double> placed(positions.size());
  std::size_t next = 0;
  for (const Cluster& cluster : clusters) {
    for (std::size_t k = 0; k < cluster.size; ++k) {
      placed[order[next++]] = cluster.centre + distance * (static_cast<double>(k) + 0.5) - half(cluster);
    }
  }
  return placed;
}

}  // namespace lift
