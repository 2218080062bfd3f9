#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/report/report_figures.hpp"

namespace lift {

std::optional<Figure> ritz_figure(const RunResult& result) {
  Figure figure{.name = "ritz_values", .data = "# round value\n", .script = figure_style("ritz_values")};
  double low = 0, high = 0;
  bool any = false;
  for (std::size_t k = 0; k < result.rounds.size(); ++k) {
    const auto& curvature = result.rounds[k].probe_curvature;
    if (!curvature) continue;
    for (const double value : curvature->ritz_values) {
      if (!std::isfinite(value)) continue;
      figure.data += fmt::format("{} {}\n", k + 1, value);
      low = std::min(low, value);
      high = std::max(high, value);
      any = true;
    }
  }
  if (!any) return std::nullopt;
  const double margin = high > low ? 0.06 * (high - low) : 1;
  figure.script += fmt::format(
      "set xlabel \"round\"\nset ylabel \"eigenvalues of VᵀHV\"\nset xrange [0.5:{}]\nset yrange "
      "[{:.8g}:{:.8g}]\nset xtics 1\n"
      "set arrow from graph 0, first 0 to graph 1, first 0 nohead back dashtype (2,4) linecolor rgb \"{}\"\n"
      "plot \"ritz_values.dat\" using 1:($2 < 0 ? $2 : NaN) linecolor rgb \"{}\" pointtype 7 pointsize 0.7 "
      "with "
      "points, \\\n     \"ritz_values.dat\" using 1:($2 >= 0 ? $2 : NaN) linecolor rgb \"{}\" pointtype 7 "
      "pointsize "
      "0.7 with points\n",
      static_cast<double>(result.rounds.size()) + 0.5, low - margin, high + margin, kMark, kVermilion, kBlue);
  return figure;
}

}  // namespace lift
