#pragma once
#include <string>
#include <vector>

namespace lift {

/// The name of a curve at the right edge of a figure.
struct EdgeLabel {
  std::string text;
  std::string color;
  double height = 0;  ///< where the curve ends, 0 at the bottom of the axis, 1 at its top
};

/// gnuplot's commands for them, moved apart where they would overlap.
/// Test  tests/src/report/test_report_figures.cpp
[[nodiscard]] std::string edge_labels(const std::vector<EdgeLabel>& labels);

/// `text` as gnuplot shows it as it is: in double quotes, nothing in it a command of enhanced text.
[[nodiscard]] std::string plot_text(const std::string& text);

/// A colour for the curve or phase of that index.
[[nodiscard]] const char* curve_color(std::size_t index);

}  // namespace lift
