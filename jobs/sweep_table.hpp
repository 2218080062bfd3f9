#pragma once
#include <optional>
#include <string>
#include <vector>

#include "mpi/error.hpp"
#include "src/report/run_result.hpp"
#include "src/report/table.hpp"
#include "src/sweep/sweep_folder.hpp"

namespace lift {

/// One point of a sweep as it stands, from its files alone.
struct SweepRow {
  std::string name;
  PointState state = PointState::pending;
  PointRecord record;
  std::optional<RunResult> result;  ///< where the run came to its end
  std::string last_line;            ///< of its log, while it is on the way
};

/// The points in the order of the sweep's file. Local; on rank 0. Throws Error(input) for a record that is
/// not whole.
/// Test  tests/jobs/test_sweep_job.cpp
[[nodiscard]] std::vector<SweepRow> read_rows(const SweepFolder& folder,
                                              const std::vector<std::string>& names);

/// The points that the sweep's file of that folder asks for, by name. Throws as read_sweep, Error(input) if
/// it cannot be read.
[[nodiscard]] std::vector<std::string> points_of(const SweepFolder& folder);

[[nodiscard]] std::vector<PointState> states_of(const std::vector<SweepRow>& rows);
/// "3 DONE, 2 PENDING, 1 FAILED of 6 points".
[[nodiscard]] std::string state_sentence(const std::vector<PointState>& states);

/// A row a point: state, epochs, test perplexity before and after, that of early stopping, warm-up steps
/// taken, time, and what is to be said of it.
[[nodiscard]] Table sweep_table(const std::vector<SweepRow>& rows);
/// {"points":[{"name","state",…}],"states":{"DONE":3,…}}
[[nodiscard]] std::string sweep_json(const std::vector<SweepRow>& rows);

/// What a sweep ends with that did what it could: partial if a point is invalid or failed.
[[nodiscard]] ExitCode sweep_code(const std::vector<SweepRow>& rows);

}  // namespace lift
