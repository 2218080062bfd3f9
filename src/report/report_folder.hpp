#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "src/report/report.hpp"

namespace lift {

/// What of a report is written.
struct ReportForm {
  bool text = true, csv = true, markdown = true, latex = true;  ///< of each table
  bool tensorboard = false;                                     ///< event files of metrics.jsonl
};

/// Refuses a folder that a report must not be written to.
///
/// Good are a folder that is missing or empty, and one whose files all stand in its report.json (`files`): an
/// earlier report, which write_report replaces.
///
/// Collective  never; rank 0 only.
/// Throws      Error(usage) naming what else is in it; as RunFolder where it can be no folder to write to.
/// Test        tests/src/report/test_report_folder.cpp
void check_report_folder(const std::filesystem::path& folder);

/// Writes a report in place of an earlier one: report.json (first, with all names, so that a report that was
/// cut off can be replaced too), tables/NAME.{txt,csv,md,tex}, figures/SECTION/NAME.{dat,gp,svg},
/// tensorboard/RUN/events.out.tfevents.*, report.html.
///
/// Returns     one warning if gnuplot is missing or failed; scripts and data stay, the page says what is not
///             drawn.
/// Collective  never; rank 0 only.
/// Throws      Error(usage) as check_report_folder, Error(write) naming the file.
/// Test        tests/src/report/test_report_folder.cpp
[[nodiscard]] std::vector<std::string> write_report(const Report& report, const ReportForm& form,
                                                    const std::filesystem::path& folder);

/// What report.json holds: {"schema": 1, "configurations": [{"name", "warmup_epochs", "runs": [{"folder",
/// "seed"}], "before", "after", "early_stopping": {split: {"ppl", "loss"}}, "test_reduction_percent",
/// "early_stopping_reduction_percent"}], "files": []}; each number as {"mean", "sd", "runs"}, null where
/// unknown.
[[nodiscard]] std::string report_json(const Report& report, const ReportForm& form);

}  // namespace lift
