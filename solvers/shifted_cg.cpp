#include "solvers/shifted_cg.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <vector>

#include "solvers/operator_shell.hpp"
#include "solvers/shard_algebra.hpp"

#include <petscksp.h>

namespace lift {
namespace {

using KspHandle = PetscHandle<KSP, KSPDestroy>;

/// What the convergence test and the preconditioner see.
struct Context {
  const OperatorShell& shell;
  double target;  ///< norm of the residual at which the solve ends
  CgSummary summary;
  const KrylovBasis* known;
  double mu;
  std::exception_ptr thrown = {};  ///< by the preconditioner: PETSc is C
};

void note_curvature(CgSummary& s, std::span<const double> p, std::span<const double> product,
                    const Communicator& comm) {
  double sums[2] = {dot(p, product), dot(p, p)};
  sum_vector_over_ranks(sums, comm);
  const double curvature = sums[0] / sums[1];
  // Written so that the first one counts, and a NaN stays.
  if (!(s.least <= curvature)) s.least = curvature;
  if (!(s.greatest >= curvature)) s.greatest = curvature;
}

PetscErrorCode test_convergence(KSP, PetscInt iteration, PetscReal norm, KSPConvergedReason* reason,
                                void* data) {
  const auto* context = static_cast<const Context*>(data);
  *reason = KSP_CONVERGED_ITERATING;
  if (context->shell.thrown() || context->thrown) {
    *reason = KSP_DIVERGED_BREAKDOWN;
  } else if (!std::isfinite(norm)) {
    *reason = KSP_DIVERGED_NANORINF;
  } else if (iteration > 0 && !(context->summary.least > 0)) {
    *reason = KSP_DIVERGED_INDEFINITE_MAT;
  } else if (norm <= context->target) {
    *reason = KSP_CONVERGED_RTOL;
  }
  return static_cast<PetscErrorCode>(0);
}

CgEnd end_of(KSPConvergedReason reason, const Context& context) {
  if (reason > 0) return CgEnd::converged;
  // With a preconditioner that is one up to rounding alone, rᵀz ≤ 0 is the end of what can be reached.
  if (reason == KSP_DIVERGED_ITS || reason == KSP_DIVERGED_INDEFINITE_PC) return CgEnd::iteration_limit;
  const bool indefinite = reason == KSP_DIVERGED_INDEFINITE_MAT || context.summary.least <= 0;
  return indefinite && std::isfinite(context.summary.least) ? CgEnd::indefinite : CgEnd::not_finite;
}

PetscErrorCode deflate(PC pc, Vec in, Vec out) {
  Context* context = nullptr;
  if (const auto code = PCShellGetContext(pc, &context); code != 0) return code;
  const ReadShard r(in);
  const WriteShard z(out);
  try {
    context->known->deflate(context->mu, r.values(), z.values());
  } catch (...) {
    context->thrown = std::current_exception();
    std::ranges::fill(z.values(), 0.0);
  }
  return static_cast<PetscErrorCode>(0);
}

void set_preconditioner(PC pc, Context& context) {
  if (context.known == nullptr) {
    check_petsc(PCSetType(pc, PCNONE), "PCSetType");
    return;
  }
  check_petsc(PCSetType(pc, PCSHELL), "PCSetType");
  check_petsc(PCShellSetContext(pc, &context), "PCShellSetContext");
  check_petsc(PCShellSetApply(pc, deflate), "PCShellSetApply");
}

void set_up(KSP ksp, Mat mat, int max_iterations, Context& context) {
  check_petsc(KSPSetOperators(ksp, mat, mat), "KSPSetOperators");
  check_petsc(KSPSetType(ksp, KSPCG), "KSPSetType");
  check_petsc(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED), "KSPSetNormType");
  PC pc = nullptr;
  check_petsc(KSPGetPC(ksp, &pc), "KSPGetPC");
  set_preconditioner(pc, context);
  check_petsc(KSPSetTolerances(ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, max_iterations),
              "KSPSetTolerances");
  check_petsc(KSPSetConvergenceTest(ksp, test_convergence, &context, nullptr), "KSPSetConvergenceTest");
}

}  // namespace

CgSummary solve_shifted(const SymmetricOperator& h, double mu, std::span<const double> b, double tol,
                        int max_iterations, const ShardMap& layout, const Communicator& comm,
                        std::span<double> x, const KrylovBasis* known) {
  std::fill(x.begin(), x.end(), 0.0);
  CgSummary nothing;
  nothing.end = CgEnd::iteration_limit;
  if (max_iterations < 1) return nothing;  // PETSc's CG would take a step
  OperatorShell shell(h, mu, layout, comm);
  Context context{.shell = shell, .target = tol * norm2(b, comm), .summary = {}, .known = known, .mu = mu};
  shell.on_product = [&](std::span<const double> p, std::span<const double> product) {
    note_curvature(context.summary, p, product, comm);
  };
  const VecHandle rhs = shell.vector(), solution = shell.vector();
  std::copy(b.begin(), b.end(), WriteShard(rhs.get()).values().begin());
  KspHandle ksp;
  check_petsc(KSPCreate(comm.handle(), ksp.out()), "KSPCreate");
  set_up(ksp.get(), shell.matrix(), max_iterations, context);
  shell.check(KSPSolve(ksp.get(), rhs.get(), solution.get()), "KSPSolve");
  if (context.thrown) std::rethrow_exception(context.thrown);

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

CgSummary solve_rest(const SymmetricOperator& h, double mu, const KrylovBasis& basis, int chain,
                     std::span<const double> y, double tol, int max_iterations, const ShardMap& layout,
                     const Communicator& comm, std::span<double> x) {
  const auto r = basis.residual_vector(y, chain);
  const double rest_tol = tol * basis.length(chain) / basis.residual(y, chain);
  std::vector<double> rest(r.size());
  const auto cg = solve_shifted(h, mu, r, rest_tol, max_iterations, layout, comm, rest,
                                basis.size() > 0 ? &basis : nullptr);
  axpy(1, rest, x);
  return cg;
}

}  // namespace lift
