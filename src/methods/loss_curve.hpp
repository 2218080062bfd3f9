#pragma once
#include <string>
#include <utility>
#include <vector>

#include "src/resume/section.hpp"

namespace lift {

/// (part of the steps that was done, selection loss [nats/token]) as a method goes on.
using LossCurve = std::vector<std::pair<double, double>>;

/// Adds a curve to a resume point, or takes it from one. Test tests/src/methods/test_trial.cpp
inline void save_curve(Section& section, const LossCurve& curve) {
  std::vector<double> numbers;
  for (const auto& [part, loss] : curve) numbers.insert(numbers.end(), {part, loss});
  section.put("losses", numbers);
}
[[nodiscard]] inline LossCurve load_curve(const Section& section) {
  const auto numbers = section.numbers("losses");
  LossCurve curve;
  for (std::size_t k = 0; k + 1 < numbers.size(); k += 2) curve.emplace_back(numbers[k], numbers[k + 1]);
  return curve;
}

}  // namespace lift
