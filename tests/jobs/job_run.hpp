#pragma once
#include <string>
#include <vector>

#include "jobs/job_context.hpp"
#include "mpi/error.hpp"

namespace lift {

/// How a job ended that was run inside the test.
struct JobRun {
  ExitCode code = ExitCode::done;
  std::string error;                ///< what it threw
  std::string out;                  ///< what rank 0 said
  std::vector<std::string> unread;  ///< options that it never looked at
};

/// Runs `job` as `lift JOB words…` would, without starting PETSc. Collective on `comm`; fails the test if
/// what it throws is not the same on every rank.
JobRun run_in_process(Job job, void (*action)(JobContext&), const std::vector<std::string>& words,
                      const Communicator& comm);

/// "lift lp --input a --output b" as words: fields of `line` between blanks.
std::vector<std::string> words_of(const std::string& line);

}  // namespace lift
