#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include "src/resume/resume_point.hpp"

namespace lift {

/// A resume point with two sections, numbered `number`.
inline ResumePoint a_point(std::int64_t number = 1) {
  ResumePoint point{.number = number,
                    .where = "warm-up, step 3 of 9",
                    .ranks = 2,
                    .written = "2026-01-31T12:00:00Z",
                    .identity = {{"--seed", "7"}, {"model.safetensors of --model", "of digest 00ff"}},
                    .sections = {}};
  point.sections["run"].put("w", at::arange(7, at::kFloat) / static_cast<double>(number + 1));
  point.sections["run"].put("phase", 2.0);
  point.sections["run"].put_text("note", "a \"quoted\" line\nand another");
  point.sections["empty"];
  return point;
}

}  // namespace lift
