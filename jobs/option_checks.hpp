#pragma once
#include <string>
#include <vector>

namespace lift {
class Options;

/// Options of a file that a choice of the command line leaves without meaning: whoever reads a file for one
/// direction may type another. What is left once they are out may have more of them. Never throws.
/// Test  tests/jobs/test_options.cpp
[[nodiscard]] std::vector<std::string> idle_options(const Options& options);

/// Refuses options that contradict each other, each valid by itself; needs neither model nor data.
///
/// Returns a line each for a reader: what was given but has no effect, because a whole phase is left out.
/// Throws  Error(usage) naming both. Test  tests/jobs/test_options.cpp
[[nodiscard]] std::vector<std::string> check_consistency(const Options& options);

}  // namespace lift
