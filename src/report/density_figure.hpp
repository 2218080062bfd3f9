#pragma once
#include <optional>

#include "src/report/curvature_result.hpp"
#include "src/report/figure.hpp"

namespace lift {

/// `spectral_density`: the density of the eigenvalues of H22 on a logarithmic axis that goes down to where a
/// single eigenvalue can be seen, the negative part apart; nothing without a quadrature.
/// Test  tests/src/report/test_curvature_result.cpp
[[nodiscard]] std::optional<Figure> density_figure(const CurvatureResult& result);

}  // namespace lift
