#include "tests/jobs/job_run.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <sstream>

#include "mpi/collectives.hpp"

namespace lift {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

JobRun run_in_process(Job job, void (*action)(JobContext&), const std::vector<std::string>& words,
                      const Communicator& comm) {
  std::ostringstream out;
  std::ostringstream err;
  Console console(out, err, false);
  Log log(console, comm.rank());
  const Options options = Options::parse(job, words);
  JobRun run;
  try {
    JobContext context = make_context(comm, options, log, words);
    check_answer_file(context);
    action(context);
  } catch (const AgreedError& error) {
    run.code = error.code();
    run.error = error.what();
  }
  run.out = out.str();
  run.unread = options.unread();
  for (const std::string& error : gather_texts(run.error, comm)) EXPECT_EQ(error, run.error);
  return run;
}

}  // namespace lift
