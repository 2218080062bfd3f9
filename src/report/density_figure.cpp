#include "src/report/density_figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "solvers/spectral_density.hpp"

namespace lift {
namespace {

constexpr int kPoints = 601;
constexpr double kWidth = 0.006;  ///< of a node as it is drawn, of the range
constexpr double kMargin = 5;     ///< widths beside the outermost node
constexpr double kBelow = 0.1;    ///< of what one eigenvalue of n amounts to, where the axis begins

std::vector<SpectralQuadrature> quadratures_of(const CurvatureResult& result) {
  std::vector<SpectralQuadrature> quadratures;
  for (const DensityResult& one : result.density) {
    if (one.nodes.empty()) continue;
    quadratures.emplace_back();
    quadratures.back().nodes = one.nodes;
    quadratures.back().weights = one.weights;
  }
  return quadratures;
}

struct Spectrum {
  double least, largest;  ///< nodes
  double low, high;       ///< of the axis, 0 within
  double width;
};

Spectrum spectrum_of(const std::vector<SpectralQuadrature>& quadratures) {
  double least = quadratures.front().nodes.front(), largest = quadratures.front().nodes.back();
  for (const auto& quadrature : quadratures) {
    least = std::min(least, quadrature.nodes.front());
    largest = std::max(largest, quadrature.nodes.back());
  }
  const double low = std::min(0.0, least), high = std::max(0.0, largest);
  const double width = kWidth * (high > low ? high - low : 1);
  return {least, largest, low - kMargin * width, high + kMargin * width, width};
}

std::string data_of(const std::vector<SpectralQuadrature>& quadratures, const Spectrum& spectrum,
                    double& peak) {
  std::string data = "# eigenvalue density\n";
  for (int k = 0; k < kPoints; ++k) {
    const double x = spectrum.low + (spectrum.high - spectrum.low) * k / (kPoints - 1);
    const double density = spectral_density(quadratures, spectrum.width, x);
    peak = std::max(peak, density);
    data += fmt::format("{} {}\n", x, density);
  }
  return data;
}

/// In the corner where the density of most spectra is least.
std::string label(double eigenvalue, const char* name, double height) {
  return fmt::format(
      "set label \"{} {:.3g}\" at graph 0.98, graph {} right textcolor rgb \"{}\" font \",12\"\n", name,
      eigenvalue, height, kInk);
}

}  // namespace

std::optional<Figure> density_figure(const CurvatureResult& result) {
  const auto quadratures = quadratures_of(result);
  if (quadratures.empty()) return std::nullopt;
  const Spectrum spectrum = spectrum_of(quadratures);
  double peak = 0;
  Figure figure{.name = "spectral_density", .data = data_of(quadratures, spectrum, peak), .script = {}};
  const double one =
      1 / (static_cast<double>(std::max<std::int64_t>(1, result.h22.n)) * spectrum.width * 2.5066);
  const double floor = std::min(kBelow * one, 0.1 * peak);
  figure.script =
      figure_style(figure.name) +
      fmt::format(
          "set xlabel \"eigenvalue of ∇²_W F at (λ, W0)\"\nset ylabel \"density\"\nset logscale y\n"
          "set format y \"10^{{%L}}\"\nset xrange [{:.6g}:{:.6g}]\nset yrange [{:.6g}:{:.6g}]\n"
          "set arrow from first 0, graph 0 to first 0, graph 1 nohead back dashtype (2,4) linecolor rgb "
          "\"{}\"\n",
          spectrum.low, spectrum.high, floor, 3 * peak, kMark) +
      label(spectrum.largest, "largest node", 0.95) + label(spectrum.least, "least node", 0.88) +
      fmt::format(
          "plot \"{0}.dat\" using 1:($1 < 0 ? $2 : NaN) linecolor rgb \"{1}\" linewidth 2 with lines, \\\n"
          "     \"{0}.dat\" using 1:($1 >= 0 ? $2 : NaN) linecolor rgb \"{2}\" linewidth 2 with lines\n",
          figure.name, kVermilion, kBlue);
  return figure;
}

}  // namespace lift
