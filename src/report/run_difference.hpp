#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/report/kept_run.hpp"
#include "src/report/table.hpp"

namespace lift {

/// One thing that is not the same in two runs.
struct Difference {
  std::string key;                  ///< "warmup.lr", "libraries.petsc", "after.test.loss"
  std::optional<std::string> a, b;  ///< as text; nothing where it is absent
  /// b − a, and that over |a|; nothing unless both are numbers, relative nothing where a is 0
  std::optional<double> absolute = {}, relative = {};
};

/// What differs between two runs, in four parts.
struct RunDifference {
  std::vector<Difference> options;     ///< of config.cfg
  std::vector<Difference> provenance;  ///< version, commit, libraries, devices, inputs by file name and hash
  /// Of result.json, the measurements of time left out; losses before and after, early stopping and t* first
  std::vector<Difference> results;
  std::vector<Difference> times;   ///< seconds and memory in result.json
  std::vector<std::string> notes;  ///< what could not be compared, a sentence each
  [[nodiscard]] bool same_results() const noexcept { return results.empty(); }
};

/// Compares every option, and every value in provenance.json and result.json: nothing is rounded, and two
/// nulls are the same. Where either run lacks a file, a note says so.
///
/// Throws  Error(input) if a result.json cannot be read again.
/// Test    tests/src/report/test_run_difference.cpp
[[nodiscard]] RunDifference difference_of(const KeptRun& a, const KeptRun& b);

/// key, A, B, B − A, relative; numbers with all their digits in CSV, ten in text.
[[nodiscard]] Table difference_table(std::span<const Difference> differences);

/// {"a", "b", "options": [{"key", "a", "b", "absolute", "relative"}], "provenance", "results", "times",
/// "notes"}
[[nodiscard]] std::string to_json(const RunDifference& difference, const KeptRun& a, const KeptRun& b);

}  // namespace lift
