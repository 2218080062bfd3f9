#pragma once

namespace lift {
class Options;

/// Refuses options that contradict each other, each valid by itself; needs neither model nor data.
/// Throws Error(usage) naming both. Test tests/jobs/test_options.cpp
void check_consistency(const Options& options);

}  // namespace lift
