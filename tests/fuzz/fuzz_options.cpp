#include <string>
#include <vector>

#include "jobs/options.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace lift {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Job job_of(char byte) {
  constexpr Job kJobs[] = {Job::run,       Job::evaluate, Job::pretrain, Job::lp,    Job::example,
                           Job::curvature, Job::report,   Job::diff,     Job::check, Job::sweep};
  return kJobs[static_cast<unsigned char>(byte) % std::size(kJobs)];
}

}  // namespace
}  // namespace lift

/// The job as one byte, the words of a command line one a line, a zero byte, and what --config reads; what is
/// accepted must be written and read back the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lift;
  if (size == 0) return 0;
  const Job job = job_of(static_cast<char>(data[0]));
  const auto text = text_of(data + 1, size - 1);
  const auto zero = std::min(text.find('\0'), text.size());
  const auto words = lines_of(text.substr(0, zero));
  const std::string content(text.substr(std::min(zero + 1, text.size())));
  std::string written;
  std::vector<std::string> again = {"--config", "f.cfg"};
  const bool accepted = is_parsed(
      [&] {
        const auto read = [&](const std::filesystem::path&) { return content; };
        const Options options = Options::parse(job, words, read);
        written = options.as_config();
        require(options.values().empty() || !options.as_table().empty(), "no table");
        again.insert(again.end(), options.words().begin(), options.words().end());
      },
      {ExitCode::usage, ExitCode::input});
  if (!accepted) return 0;
  const auto back = Options::parse(job, again, [&](const std::filesystem::path&) { return written; });
  require(back.as_config() == written, "other options when read back");
  return 0;
}
