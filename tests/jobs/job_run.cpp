#include "tests/jobs/job_run.hpp"

#include <gmock/gmock.h>

#include <iterator>
#include <sstream>

#include "jobs/lift_main.hpp"
#include "mpi/collectives.hpp"

namespace lift {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

ProgramRun run_program(const std::string& line, const Communicator& comm) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  ProgramRun run;
  run.code = lift_main(words_of(line), comm);
  run.out = testing::internal::GetCapturedStdout();
  run.err = testing::internal::GetCapturedStderr();
  return run;
}

void expect_refusal(const std::string& line, ExitCode code, const std::vector<std::string>& parts,
                    const Communicator& comm) {
  SCOPED_TRACE(line);
  const ProgramRun run = run_program(line, comm);
  EXPECT_EQ(run.code, static_cast<int>(code));
  EXPECT_EQ(run.out, "");
  if (!comm.is_root()) {
    EXPECT_EQ(run.err, "");
    return;
  }
  EXPECT_THAT(run.err, testing::StartsWith("lift: error: "));
  EXPECT_EQ(run.err.find('\n'), run.err.size() - 1);
  for (const std::string& part : parts) EXPECT_THAT(run.err, testing::HasSubstr(part));
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
  run.warnings = err.str();
  run.unread = options.unread();
  for (const std::string& error : gather_texts(run.error, comm)) EXPECT_EQ(error, run.error);
  return run;
}

}  // namespace lift
