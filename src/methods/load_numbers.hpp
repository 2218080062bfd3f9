#pragma once
#include <ATen/ops/from_blob.h>

#include <string>
#include <vector>

#include "src/resume/section.hpp"

namespace lift {

/// Copies a list of numbers of a resume point into one of equal length.
///
/// Throws  Error(input) if it is missing or of another length.
/// Test    tests/src/methods/test_radius_learner.cpp
inline void load_numbers(const Section& section, const std::string& name, std::vector<double>& into) {
  at::Tensor numbers = at::from_blob(into.data(), {std::ssize(into)}, at::kDouble);
  section.load(name, numbers);
}

}  // namespace lift
