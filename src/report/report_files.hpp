#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "src/report/report.hpp"
#include "src/report/report_folder.hpp"

namespace lift {

/// One way to write a table.
struct TableForm {
  const char* ending;  ///< of its file's name
  std::string (*make)(const Table&);
};
[[nodiscard]] std::vector<TableForm> table_forms(const ReportForm& form);

/// Every file that a report consists of, relative to its folder, report.json left out.
[[nodiscard]] std::vector<std::string> report_files(const Report& report, const ReportForm& form);

/// Where the events of a run lie, relative to the report's folder.
[[nodiscard]] std::filesystem::path events_name(const KeptRun& run);

/// `started` of provenance.json; "" where it is not known.
[[nodiscard]] std::string started(const KeptRun& run);

}  // namespace lift
