#pragma once
#include <string>
#include <vector>

#include "mpi/communicator.hpp"

namespace lift {

/// PETSc and SLEPc, initialised at construction on a duplicate of `comm` and finalised at destruction.
///
/// `options` are PETSc options as on its command line ("-mat_view ascii"), which LiFT passes from `--petsc`;
/// the process's own command line, ~/.petscrc and PETSC_OPTIONS are not read. PETSc's signal handlers stay
/// off.
///
/// Ownership   exactly one at a time; `comm` must outlive it.
/// Collective  constructor and destructor on `comm`.
/// Throws      Error(usage) if `options` do not parse.
/// Test        tests/solvers/test_session.cpp
class SolverSession {
 public:
  explicit SolverSession(const Communicator& comm, const std::string& options = "");
  ~SolverSession();
  SolverSession(const SolverSession&) = delete;
  SolverSession& operator=(const SolverSession&) = delete;
  /// Names of the given options that nothing has read so far.
  [[nodiscard]] std::vector<std::string> unused_options() const;

 private:
  MPI_Comm comm_;
};

/// PETSc's and SLEPc's versions as loaded, e.g. {"3.18.5", "3.18.2"}. Needs no session.
struct SolverVersions {
  std::string petsc;
  std::string slepc;
};
SolverVersions solver_versions();

}  // namespace lift
