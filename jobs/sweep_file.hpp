#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "jobs/options.hpp"

namespace lift {

/// One configuration of a sweep, as its file has it.
struct SweepEntry {
  std::string
      name;  ///< of its folder: "small,warmup.epochs=10,seed=0", what it does not share with all others
  std::vector<std::string> words;  ///< what it does not share, as words of a command line
  std::string config;  ///< what it shares, as a --config file with the line numbers of the sweep's
};

/// The configurations that a sweep's file asks for, in its order, the last alternative changing first.
///
/// Form     that of a --config file (# comments, name = value, [sections]) with the options of lift run.
///          `name = A | B | C` gives each in turn, over all combinations. Lines under `[point NAME]` belong
///          to one point, or to as many as its own alternatives make; where there are such sections, each is
///          taken over all combinations of the common alternatives, but for those that it sets itself.
/// Throws   Error(usage) naming file and line: a line that is neither, a name that stands twice in one place,
///          options that belong to the sweep as a whole (--out, --json, --max-hours, …), two points of one
///          name, more than 10,000 points. Whether options are right is not its business.
/// Test     tests/jobs/test_sweep_file.cpp
[[nodiscard]] std::vector<SweepEntry> read_sweep(const std::filesystem::path& path,
                                                 const std::string& content);

/// The options of one entry, for a run into `out` that goes on where it was left. Throws Error(usage), Error
/// naming file and line or the option.
[[nodiscard]] Options options_of(const SweepEntry& entry, const std::filesystem::path& path,
                                 const std::filesystem::path& out);

}  // namespace lift
