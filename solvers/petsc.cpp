#include "solvers/petsc.hpp"

#include <fmt/format.h>

#include "mpi/error.hpp"

namespace lift {

void check_petsc(PetscErrorCode code, const char* call) {
  if (code == 0) return;
  const char* general = nullptr;
  char* specific = nullptr;
  static_cast<void>(PetscErrorMessage(static_cast<int>(code), &general, &specific));
  throw Error(ExitCode::internal,
              fmt::format("PETSc: {} failed with error {} ({}): {}", call, static_cast<int>(code),
                          general != nullptr ? general : "unknown",
                          specific != nullptr && *specific != '\0' ? specific : "no further detail"));
}

}  // namespace lift
