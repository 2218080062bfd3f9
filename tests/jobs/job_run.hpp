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
  std::string warnings;             ///< this rank's
  std::vector<std::string> unread;  ///< options that it never looked at
};

/// Runs `job` as `lift JOB words…` would, without starting PETSc. Collective on `comm`; fails the test if
/// what it throws is not the same on every rank.
JobRun run_in_process(Job job, void (*action)(JobContext&), const std::vector<std::string>& words,
                      const Communicator& comm);

/// How the whole program ended that was run inside the test, as this rank saw it.
struct ProgramRun {
  int code = 0;
  std::string out;
  std::string err;
};

/// lift_main with the words of `line`. Collective on `comm`.
ProgramRun run_program(const std::string& line, const Communicator& comm);

/// Runs the program, which must end with `code` and one line on rank 0's stderr that holds all of `parts`,
/// and nothing else anywhere.
void expect_refusal(const std::string& line, ExitCode code, const std::vector<std::string>& parts,
                    const Communicator& comm);

/// "lift lp --input a --output b" as words: fields of `line` between blanks.
std::vector<std::string> words_of(const std::string& line);

}  // namespace lift
