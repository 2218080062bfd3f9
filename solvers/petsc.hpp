#pragma once
#include <petscsys.h>

#if defined(PETSC_USE_COMPLEX)
#error "LiFT needs a PETSc with real scalars; this one was configured with --with-scalar-type=complex"
#endif
#if !defined(PETSC_USE_REAL_DOUBLE)
#error "LiFT needs a PETSc in double precision; this one was configured with another --with-precision"
#endif
#if !defined(PETSC_USE_64BIT_INDICES)
#error "LiFT needs a PETSc with 64-bit indices (--with-64-bit-indices; on Debian libpetsc64-real-dev)"
#endif

#include <petscmat.h>

#include <utility>

namespace lift {

/// Throws Error(internal) with PETSc's own text if `code` says that `call` failed.
void check_petsc(PetscErrorCode code, const char* call);

/// Owns one PETSc object.
///
/// Ownership   move-only; destroys its object. Must be destroyed before the SolverSession.
/// Collective  construction from a created object is local; destruction on the object's communicator.
template <typename T, PetscErrorCode (*Destroy)(T*)>
class PetscHandle {
 public:
  explicit PetscHandle(T owned = nullptr) noexcept : object_(owned) {}
  PetscHandle(PetscHandle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PetscHandle& operator=(PetscHandle&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~PetscHandle() {
    if (object_ != nullptr) static_cast<void>(Destroy(&object_));
  }
  [[nodiscard]] T get() const noexcept { return object_; }
  /// Where a PETSc create function writes its result; the handle must be empty.
  [[nodiscard]] T* out() noexcept { return &object_; }

 private:
  T object_;
};

using MatHandle = PetscHandle<Mat, MatDestroy>;

}  // namespace lift
