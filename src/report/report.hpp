#pragma once
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "src/report/configurations.hpp"
#include "src/report/figure.hpp"
#include "src/report/table.hpp"

namespace lift {

struct ReportTable {
  std::string name;  ///< of its files, unique in the report
  std::string title;
  Table table;
};

struct ReportFigure {
  Figure figure;
  std::string caption;  ///< one sentence: what is shown
};

/// A part of a report: of all configurations, of one, or of one run.
struct ReportSection {
  std::string title;
  std::string folder;  ///< of its figures, below figures/; unique in the report
  std::vector<std::string> sentences;
  std::vector<ReportTable> tables;
  std::vector<ReportFigure> figures;
};

/// A report before it is written.
struct Report {
  std::vector<ReportSection> sections;
  std::vector<Configuration> configurations;
};

/// Everything that the results of runs tell: the tables in the paper's form, what the runs are, what differs
/// between them; of each configuration its stages, of each run its figures. Where something is not known,
/// because a run did not record it, a sentence says so.
///
/// Test  tests/src/report/test_report_folder.cpp
[[nodiscard]] Report make_report(std::vector<KeptRun> runs, const std::set<std::string>& averaged);

/// Early stopping beside what the search gives, as a sentence.
[[nodiscard]] std::string early_stopping_sentence(const Configuration& configuration);

}  // namespace lift
