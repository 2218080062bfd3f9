#include "src/report/curve_labels.hpp"

#include <fmt/format.h>

#include <array>

#include "src/report/figure.hpp"

namespace lift {
namespace {

constexpr double kDistance = 0.062;  ///< of the y axis
constexpr std::array kColors = {kBlue, kVermilion, kGreen, kPurple, kOrange, kSky, kInk};

}  // namespace

std::string edge_labels(const std::vector<EdgeLabel>& labels) {
  std::vector<double> wanted;
  for (const EdgeLabel& label : labels) wanted.push_back(label.height);
  const std::vector<double> placed = spread(wanted, kDistance);
  std::string commands;
  for (std::size_t k = 0; k < labels.size(); ++k) {
    commands += fmt::format("set label {} at graph 1, graph {:.4f} left offset 1,0 textcolor rgb \"{}\"\n",
                            plot_text(labels[k].text), placed[k], labels[k].color);
  }
  return commands;
}

std::string plot_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      quoted += ' ';
    } else if (std::string_view("_^{}@&~").find(c) != std::string_view::npos) {
      quoted += std::string("\\\\") + c;
    } else if (c == '\\') {
      quoted += "\\\\\\\\";
    } else {
      if (c == '"') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + "\"";
}

const char* curve_color(std::size_t index) {
  return kColors[index % kColors.size()];
}

}  // namespace lift
