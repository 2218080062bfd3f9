#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "jobs/sweep_file.hpp"
#include "tests/fuzz/fuzz_target.hpp"

/// A file of lift sweep: its points have names of their own that are no paths, and the options of each are
/// taken or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lift;
  constexpr std::size_t kTried = 20;
  const std::string content(text_of(data, size));
  std::vector<SweepEntry> entries;
  if (!is_parsed([&] { entries = read_sweep("f.cfg", content); }, {ExitCode::usage})) return 0;
  require(!entries.empty(), "no point");
  std::set<std::string> names;
  for (const SweepEntry& entry : entries) {
    require(names.insert(entry.name).second, "two points of one name");
    require(!entry.name.empty() && entry.name.find('/') == std::string::npos, "a name that is a path");
    require(entry.name.front() != '.', "a name that is hidden, or a folder above");
  }
  entries.resize(std::min(entries.size(), kTried));
  for (const SweepEntry& entry : entries)
    (void)is_parsed([&] { (void)options_of(entry, "f.cfg", "out"); }, {ExitCode::usage});
  return 0;
}
