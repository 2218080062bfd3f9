#include "src/report/figures.hpp"

#include <fmt/format.h>

#include <array>

#include "src/files/atomic_file.hpp"
#include "src/report/density_figure.hpp"
#include "src/report/gnuplot.hpp"
#include "src/report/line_search_figure.hpp"
#include "src/report/perplexity_figure.hpp"
#include "src/report/splits_figure.hpp"

namespace lift {
namespace {

void write(const Figure& figure, const std::filesystem::path& folder) {
  make_folder(folder);
  write_file(folder / (figure.name + ".dat"), figure.data);
  write_file(folder / (figure.name + ".gp"), figure.script);
}

}  // namespace

std::vector<std::string> draw_figures(std::span<const std::optional<Figure>> figures,
                                      const std::filesystem::path& folder) {
  std::vector<std::string> warnings;
  for (const auto& figure : figures) {
    if (!figure) continue;
    write(*figure, folder);
    if (!warnings.empty()) continue;  // what stopped the first picture would stop the next
    const std::string reason = draw(folder, figure->name);
    if (!reason.empty()) {
      warnings.push_back(
          fmt::format("no figures drawn: {}; scripts and data are in {}", reason, folder.string()));
    }
  }
  return warnings;
}

std::vector<std::string> write_figures(const RunResult& result, const std::filesystem::path& folder) {
  const std::array figures = {perplexity_figure(result), line_search_figure(result), splits_figure(result),
                              result.curvature ? density_figure(*result.curvature) : std::nullopt};
  return draw_figures(figures, folder);
}

}  // namespace lift
