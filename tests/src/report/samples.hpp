#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "mpi/error.hpp"
#include "src/report/run_result.hpp"

namespace lift::testing {

void put_text(const std::filesystem::path& file, const std::string& text);

/// The Error that `action` throws; one with ExitCode::done and no message if it throws none.
[[nodiscard]] Error error_of(const std::function<void()>& action);

/// The loss of a perplexity.
[[nodiscard]] SplitLoss split_of(double perplexity, std::int64_t sequences = 0);

/// The paper's run of 35 warm-up epochs (Table 2, row 6): every field set, one round.
[[nodiscard]] RunResult paper_run();

}  // namespace lift::testing
