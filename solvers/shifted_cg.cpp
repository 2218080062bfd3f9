#include "solvers/shifted_cg.hpp"

#include <algorithm>
#include <cmath>
#include <exception>

#include "solvers/petsc.hpp"
#include "solvers/shard_algebra.hpp"

#include <petscksp.h>

namespace lift {
namespace {

using VecHandle = PetscHandle<Vec, VecDestroy>;
using KspHandle = PetscHandle<KSP, KSPDestroy>;

constexpr auto kNoError = static_cast<PetscErrorCode>(0);

/// What PETSc's callbacks see. Exceptions wait here until PETSc, which is C, has returned.
struct Context {
  const SymmetricOperator& h;
  const Communicator& comm;
  double mu;
  double target;  ///< norm of the residual at which the solve ends
  CgSummary summary;
  std::exception_ptr thrown;
};

/// A PETSc vector's shard, for as long as this lives.
class ReadShard {
 public:
  explicit ReadShard(Vec vec) : vec_(vec) {
    PetscInt size = 0;
    check_petsc(VecGetLocalSize(vec, &size), "VecGetLocalSize");
    check_petsc(VecGetArrayRead(vec, &values_), "VecGetArrayRead");
    size_ = static_cast<std::size_t>(size);
  }
  ~ReadShard() { static_cast<void>(VecRestoreArrayRead(vec_, &values_)); }
  ReadShard(const ReadShard&) = delete;
  ReadShard& operator=(const ReadShard&) = delete;
  [[nodiscard]] std::span<const double> values() const { return {values_, size_}; }

 private:
  Vec vec_;
  const double* values_ = nullptr;
  std::size_t size_ = 0;
};

class WriteShard {
 public:
  explicit WriteShard(Vec vec) : vec_(vec) {
    PetscInt size = 0;
    check_petsc(VecGetLocalSize(vec, &size), "VecGetLocalSize");
    check_petsc(VecGetArrayWrite(vec, &values_), "VecGetArrayWrite");
    size_ = static_cast<std::size_t>(size);
  }
  ~WriteShard() { static_cast<void>(VecRestoreArrayWrite(vec_, &values_)); }
  WriteShard(const WriteShard&) = delete;
  WriteShard& operator=(const WriteShard&) = delete;
  [[nodiscard]] std::span<double> values() const { return {values_, size_}; }

 private:
  Vec vec_;
  double* values_ = nullptr;
  std::size_t size_ = 0;
};

void note_curvature(Context& context, std::span<const double> p, std::span<const double> product) {
  double sums[2] = {dot(p, product), dot(p, p)};
  sum_vector_over_ranks(sums, context.comm);
  const double curvature = sums[0] / sums[1];
  auto& s = context.summary;
  // Written so that the first one counts, and a NaN stays.
  if (!(s.least <= curvature)) s.least = curvature;
  if (!(s.greatest >= curvature)) s.greatest = curvature;
}

PetscErrorCode multiply(Mat mat, Vec in, Vec out) {
  Context* context = nullptr;
  if (const auto code = MatShellGetContext(mat, &context); code != 0) return code;
  try {
    const ReadShard p(in);
    const WriteShard product(out);
    context->h(p.values(), product.values());
    axpy(context->mu, p.values(), product.values());
    note_curvature(*context, p.values(), product.values());
  } catch (...) {
    context->thrown = std::current_exception();
    return PETSC_ERR_LIB;
  }
  return kNoError;
}

PetscErrorCode test_convergence(KSP, PetscInt iteration, PetscReal norm, KSPConvergedReason* reason,
                                void* data) {
  const auto* context = static_cast<const Context*>(data);
  *reason = KSP_CONVERGED_ITERATING;
  if (!std::isfinite(norm)) {
    *reason = KSP_DIVERGED_NANORINF;
  } else if (iteration > 0 && !(context->summary.least > 0)) {
    *reason = KSP_DIVERGED_INDEFINITE_MAT;
  } else if (norm <= context->target) {
    *reason = KSP_CONVERGED_RTOL;
  }
  return kNoError;
}

CgEnd end_of(KSPConvergedReason reason, const Context& context) {
  if (reason > 0) return CgEnd::converged;
  if (reason == KSP_DIVERGED_ITS) return CgEnd::iteration_limit;
  const bool indefinite = reason == KSP_DIVERGED_INDEFINITE_MAT || context.summary.least <= 0;
  return indefinite && std::isfinite(context.summary.least) ? CgEnd::indefinite : CgEnd::not_finite;
}

void set_up(KSP ksp, Mat mat, int max_iterations, Context& context) {
  check_petsc(KSPSetOperators(ksp, mat, mat), "KSPSetOperators");
  check_petsc(KSPSetType(ksp, KSPCG), "KSPSetType");
  check_petsc(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED), "KSPSetNormType");
  PC pc = nullptr;
  check_petsc(KSPGetPC(ksp, &pc), "KSPGetPC");
  check_petsc(PCSetType(pc, PCNONE), "PCSetType");
  check_petsc(KSPSetTolerances(ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, max_iterations),
              "KSPSetTolerances");
  check_petsc(KSPSetConvergenceTest(ksp, test_convergence, &context, nullptr), "KSPSetConvergenceTest");
}

}  // namespace

CgSummary solve_shifted(const SymmetricOperator& h, double mu, std::span<const double> b, double tol,
                        int max_iterations, const ShardMap& layout, const Communicator& comm,
                        std::span<double> x) {
  std::fill(x.begin(), x.end(), 0.0);
  CgSummary nothing;
  nothing.end = CgEnd::iteration_limit;
  if (max_iterations < 1) return nothing;  // PETSc's CG would take a step
  Context context{h, comm, mu, tol * norm2(b, comm), {}, nullptr};
  const PetscInt size = layout.size(comm.rank());
  MatHandle mat;
  check_petsc(MatCreateShell(comm.handle(), size, size, layout.total(), layout.total(), &context, mat.out()),
              "MatCreateShell");
  check_petsc(MatShellSetOperation(mat.get(), MATOP_MULT, reinterpret_cast<void (*)()>(multiply)),
              "MatShellSetOperation");
  VecHandle rhs, solution;
  check_petsc(MatCreateVecs(mat.get(), solution.out(), rhs.out()), "MatCreateVecs");
  std::copy(b.begin(), b.end(), WriteShard(rhs.get()).values().begin());
  KspHandle ksp;
  check_petsc(KSPCreate(comm.handle(), ksp.out()), "KSPCreate");
  set_up(ksp.get(), mat.get(), max_iterations, context);
  const PetscErrorCode code = KSPSolve(ksp.get(), rhs.get(), solution.get());
  if (context.thrown) std::rethrow_exception(context.thrown);
  check_petsc(code, "KSPSolve");

  PetscInt iterations = 0;
  KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
  check_petsc(KSPGetIterationNumber(ksp.get(), &iterations), "KSPGetIterationNumber");
  check_petsc(KSPGetConvergedReason(ksp.get(), &reason), "KSPGetConvergedReason");
  const ReadShard found(solution.get());
  std::copy(found.values().begin(), found.values().end(), x.begin());
  context.summary.iterations = static_cast<int>(iterations);
  context.summary.end = end_of(reason, context);
  return context.summary;
}

}  // namespace lift
