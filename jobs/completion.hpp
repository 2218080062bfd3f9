#pragma once
#include <string>
#include <string_view>

namespace lift {

/// A script that completes the jobs of lift, their options and the words that an option takes, for a shell:
/// "bash" or "zsh", made from the option table.
///
/// Throws  Error(usage) for another shell.
/// Test    tests/jobs/test_completion.cpp, in a bash
[[nodiscard]] std::string completion_script(std::string_view shell);

/// lift(1) as troff: the jobs, all options of each with defaults, exit codes.
///
/// Test    tests/jobs/test_completion.cpp, by groff without a warning
[[nodiscard]] std::string man_page();

}  // namespace lift
