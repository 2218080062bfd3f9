#pragma once
#include <string>
#include <vector>

#include "mpi/communicator.hpp"

namespace lift {

/// PETSc and SLEPc, initialised at construction on a duplicate of `comm` and finalised at destruction.
///
/// `options` are PETSc options as on its command line ("-mat_view ascii"), which LiFT passes from `--petsc`;
/// the process's own command line, ~/.petscrc and PETSC_OPTIONS are not read. PETSc's signal handlers stay
/// off, and its errors come back as codes, which check_petsc turns into exceptions.
///
/// Ownership   exactly one at a time; `comm` must outlive it, and it every object of the solvers.
/// Collective  constructor and destructor on `comm`; the destructor before MPI_Finalize.
/// Throws      Error(usage) if `options` do not parse; Error(internal) if a session is open already.
/// Test        tests/solvers/test_session.cpp
class SolverSession {
 public:
  explicit SolverSession(const Communicator& comm, const std::string& options = "");
  ~SolverSession();
  SolverSession(const SolverSession&) = delete;
  SolverSession& operator=(const SolverSession&) = delete;
  /// Names of the given options that nothing has read so far, as given: "-mat_view". Local.
  [[nodiscard]] std::vector<std::string> unused_options() const;

 private:
  MPI_Comm comm_;
  std::vector<std::string> keys_;   ///< names of the given options, without the dash
  std::vector<std::string> words_;  ///< the command line that PETSc sees; it keeps pointers into it
  std::vector<char*> argv_;
};

/// PETSc's and SLEPc's versions as loaded, e.g. {"3.18.5", "3.18.2"}. Needs no session.
struct SolverVersions {
  std::string petsc;
  std::string slepc;
};
SolverVersions solver_versions();

}  // namespace lift
