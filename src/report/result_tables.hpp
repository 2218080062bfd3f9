#pragma once
#include <span>
#include <string>

#include "src/report/run_result.hpp"
#include "src/report/table.hpp"

namespace lift {

/// One run before and after: rows `before (W0 after warm-up)`, `after LiFT`, `early stopping (epoch k)` and
/// `pretrained (epoch 0)` (or `start`), the last two where there was a warm-up; columns perplexity and loss
/// of train, valid and test, and the change of the test perplexity against `before` in per cent.
[[nodiscard]] Table before_after_table(const RunResult& result);

struct NamedResult {
  std::string name;
  RunResult result;
};
/// Several runs in the form of the paper's Table 2, one row a run: warm-up epochs, perplexities before →
/// after, gain on test in per cent, t*, and what early stopping gives on test.
[[nodiscard]] Table runs_table(std::span<const NamedResult> runs);

}  // namespace lift
