#include "jobs/diff_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "mpi/agreement.hpp"
#include "src/report/run_difference.hpp"

namespace lift {
namespace {

constexpr std::size_t kShown = 60;  ///< lines of a part; --json has all

std::string part(const char* title, const std::vector<Difference>& differences) {
  if (differences.empty()) return fmt::format("{}: no difference\n", title);
  const std::size_t shown = std::min(differences.size(), kShown);
  std::string text =
      fmt::format("{}: {} differ{}\n{}", title, differences.size(), differences.size() == 1 ? "s" : "",
                  to_text(difference_table(std::span(differences).first(shown))));
  if (shown < differences.size())
    text += fmt::format("… and {} more, in --json FILE\n", differences.size() - shown);
  return text;
}

std::string printed(const RunDifference& difference) {
  std::string text;
  for (const std::string& note : difference.notes) text += note + "\n";
  return text + part("Options", difference.options) + "\n" +
         part("Inputs and libraries", difference.provenance) + "\n" + part("Results", difference.results) +
         "\n" + part("Seconds and memory", difference.times);
}

}  // namespace

void diff_job(JobContext& context) {
  std::string answer;
  agree(context.comm, [&] {
    if (!context.comm.is_root()) return;
    const KeptRun a = read_kept_run(context.options.words().at(0));
    const KeptRun b = read_kept_run(context.options.words().at(1));
    const RunDifference difference = difference_of(a, b);
    answer = to_json(difference, a, b);
    context.log.block(printed(difference));
  });
  write_answer(context, answer);
}

}  // namespace lift
