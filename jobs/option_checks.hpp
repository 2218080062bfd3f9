#pragma once
#include <string>
#include <vector>

namespace lift {
class Options;

struct OptionNotes {
  /// Options of a file that a choice of the command line leaves without meaning: whoever reads a file for one
  /// direction may type another, and what is idle then is left out.
  std::vector<std::string> idle;
  /// A line each for a reader: what was given but has no effect, because a whole phase is left out.
  std::vector<std::string> notes;
};

/// Refuses options that contradict each other, each valid by itself; needs neither model nor data.
/// Throws Error(usage) naming both. Test tests/jobs/test_options.cpp
[[nodiscard]] OptionNotes check_consistency(const Options& options);

}  // namespace lift
