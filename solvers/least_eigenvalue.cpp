#include "solvers/least_eigenvalue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/operator_shell.hpp"
#include "solvers/shard_algebra.hpp"
#include "solvers/tridiagonal.hpp"

#include <slepceps.h>

namespace lift {
namespace {

using EpsHandle = PetscHandle<EPS, EPSDestroy>;

constexpr auto kNoError = static_cast<PetscErrorCode>(0);
constexpr int kCertificate = 1;   ///< products beside the solver's
constexpr double kMeasured = 10;  ///< the measured residual may be this much more than the estimate
constexpr double kKept = 0.5;     ///< of the basis, through a restart

/// A product that is not finite, on every rank.
struct NotFinite {};

/// T of the first cycle, entry by entry as its products come.
struct FirstSteps {
  std::vector<double> alpha, beta;
  std::vector<double> before;  ///< the product before this one

  void add(std::span<const double> product, double diagonal, double below) {
    if (!alpha.empty()) beta.push_back(below);
    alpha.push_back(diagonal);
    before.assign(product.begin(), product.end());
  }
};

/// What SLEPc's callbacks see.
struct Watch {
  const OperatorShell& shell;
  const EigenOptions& options;
  int basis;
  double least = std::numeric_limits<double>::quiet_NaN();  ///< Ritz values of the first cycle
  double largest = std::numeric_limits<double>::quiet_NaN();
  int steps = 0;           ///< of the first cycle, once it is over
  double size = 0;         ///< largest ‖Hx‖/‖x‖
  bool invariant = false;  ///< the first cycle ended before its basis was full
  FirstSteps first = {};

  [[nodiscard]] bool spent() const {
    const int cycle = basis - static_cast<int>(kKept * basis);
    return shell.products() + cycle + kCertificate > options.max_products;
  }
};

/// SLEPc calls it after each cycle, once the convergence of its vectors was tested.
PetscErrorCode watch_cycle(EPS, PetscInt cycle, PetscInt, PetscScalar* values, PetscScalar*, PetscReal*,
                           PetscInt count, void* data) {
  auto* watch = static_cast<Watch*>(data);
  if (cycle != 1) return kNoError;
  const auto [least, largest] = std::minmax_element(values, values + count);
  watch->least = *least;
  watch->largest = *largest;
  watch->steps = static_cast<int>(watch->shell.products());
  watch->first.before = {};
  return kNoError;
}

/// Ends the search where no other cycle can be paid for, too: SLEPc hands out converged vectors alone. In an
/// invariant space another cycle would be the same again.
PetscErrorCode test_convergence(EPS, PetscScalar, PetscScalar, PetscReal residual, PetscReal* estimate,
                                void* data) {
  auto* watch = static_cast<Watch*>(data);
  if (watch->steps == 0 && watch->shell.products() < watch->basis) watch->invariant = true;
  const bool ends = watch->invariant || watch->spent() || watch->size == 0 || watch->shell.thrown();
  *estimate = ends ? 0 : residual / watch->size;
  return kNoError;
}

void check(std::span<const double> start, const ShardMap& layout, const Communicator& comm,
           const EigenOptions& options) {
  agree(comm, [&] {
    if (const auto wrong = options.violation(); !wrong.empty())
      throw Error(ExitCode::internal, "least eigenvalue: " + wrong);
    if (layout.parts() != comm.size() || std::ssize(start) != layout.size(comm.rank()))
      throw Error(ExitCode::internal,
                  fmt::format("least eigenvalue: a start of {} entries, a layout of {} shards on {} ranks",
                              start.size(), layout.parts(), comm.size()));
  });
  const double length = norm2(start, comm);
  if (!(length > 0) || !std::isfinite(length))
    throw AgreedError(ExitCode::internal, fmt::format("least eigenvalue: a start of length {}", length));
}

void set_up(EPS eps, Vec start, Watch& watch) {
  check_petsc(EPSSetOperators(eps, watch.shell.matrix(), nullptr), "EPSSetOperators");
  check_petsc(EPSSetProblemType(eps, EPS_HEP), "EPSSetProblemType");
  check_petsc(EPSSetType(eps, EPSKRYLOVSCHUR), "EPSSetType");
  check_petsc(EPSKrylovSchurSetRestart(eps, kKept), "EPSKrylovSchurSetRestart");
  check_petsc(EPSSetWhichEigenpairs(eps, EPS_SMALLEST_REAL), "EPSSetWhichEigenpairs");
  check_petsc(EPSSetDimensions(eps, 1, watch.basis, PETSC_DEFAULT), "EPSSetDimensions");
  check_petsc(EPSSetTolerances(eps, watch.options.tol, static_cast<PetscInt>(watch.options.max_products)),
              "EPSSetTolerances");
  check_petsc(EPSSetConvergenceTestFunction(eps, test_convergence, &watch, nullptr),
              "EPSSetConvergenceTestFunction");
  check_petsc(EPSMonitorSet(eps, watch_cycle, &watch, nullptr), "EPSMonitorSet");
  check_petsc(EPSSetInitialSpace(eps, 1, &start), "EPSSetInitialSpace");
  // Its small problems are solved by every rank: rank 0's answer is everybody's.
  DS ds = nullptr;
  check_petsc(EPSGetDS(eps, &ds), "EPSGetDS");
  check_petsc(DSSetParallel(ds, DS_PARALLEL_SYNCHRONIZED), "DSSetParallel");
}

/// vᵀHv and the residual of the unit vector in `v`.
void measure(const OperatorShell& shell, Vec v, const Communicator& comm, EigenSummary& summary) {
  const VecHandle product = shell.vector();
  shell.check(MatMult(shell.matrix(), v, product.get()), "MatMult");
  const ReadShard x(v), hx(product.get());
  summary.vector.assign(x.values().begin(), x.values().end());
  const double length = norm2(summary.vector, comm);
  scale(1 / length, summary.vector);
  std::vector<double> left(hx.values().begin(), hx.values().end());
  scale(1 / length, left);
  summary.value = dot(summary.vector, left, comm);
  axpy(-summary.value, summary.vector, left);
  summary.residual = norm2(left, comm);
}

/// The best vector that the products pay for.
void solve(const OperatorShell& shell, Vec vector, const Communicator& comm, Watch& watch) {
  EpsHandle eps;
  check_petsc(EPSCreate(comm.handle(), eps.out()), "EPSCreate");
  check_petsc(EPSSetOptionsPrefix(eps.get(), "lift_"), "EPSSetOptionsPrefix");
  check_petsc(EPSSetFromOptions(eps.get()), "EPSSetFromOptions");  // before what the certificate rests on
  set_up(eps.get(), vector, watch);
  shell.check(EPSSolve(eps.get()), "EPSSolve");
  shell.check(EPSGetEigenpair(eps.get(), 0, nullptr, nullptr, vector, nullptr), "EPSGetEigenpair");
}

double lower_bound_of(const Watch& watch, std::int64_t n, const EigenSummary& summary) {
  if (summary.whole_spectrum) return summary.value - summary.residual;
  const double margin = lanczos_margin(n, watch.steps, watch.options.failure / 2);
  if (!(margin < 0.5)) return -std::numeric_limits<double>::infinity();
  const double spread = (watch.largest - watch.least) / (1 - 2 * margin);
  return std::min(summary.value, watch.least - margin * spread);
}

/// Fills all but products, seconds and message.
void search(OperatorShell& shell, std::span<const double> start, const ShardMap& layout,
            const Communicator& comm, const EigenOptions& options, EigenSummary& summary) {
  const auto most = std::min<std::int64_t>(options.max_products - kCertificate, options.basis);
  Watch watch{.shell = shell,
              .options = options,
              .basis = static_cast<int>(std::min<std::int64_t>(most, layout.total()))};
  shell.on_product = [&](std::span<const double> x, std::span<const double> product) {
    const bool first = watch.steps == 0;
    const std::span<const double> before(watch.first.before);
    double sums[4] = {dot(x, x), dot(product, product), first ? dot(x, product) : 0,
                      first && !watch.first.alpha.empty() ? dot(x, before) : 0};
    sum_vector_over_ranks(sums, comm);
    if (!std::isfinite(sums[1])) throw NotFinite();
    watch.size = std::max(watch.size, std::sqrt(sums[1] / sums[0]));
    if (first) watch.first.add(product, sums[2], sums[3]);
  };
  const VecHandle vector = shell.vector();
  std::copy(start.begin(), start.end(), WriteShard(vector.get()).values().begin());
  solve(shell, vector.get(), comm, watch);
  const EigenStatus spent = watch.spent() ? EigenStatus::budget_spent : EigenStatus::stalled;
  measure(shell, vector.get(), comm, summary);
  summary.largest = watch.largest;
  summary.steps = watch.steps;
  summary.ritz_values = symmetric_tridiagonal_eigen(watch.first.alpha, watch.first.beta).values;
  summary.whole_spectrum = watch.invariant || watch.steps >= layout.total();
  summary.lower_bound = lower_bound_of(watch, layout.total(), summary);
  const bool settled = summary.residual <= kMeasured * options.tol * watch.size;
  summary.status = settled ? EigenStatus::converged : spent;
}

std::string message_of(const EigenSummary& s) {
  if (failed(s.status))
    return fmt::format("the search for the least eigenvalue failed on product {}, which is not finite",
                       s.products);
  return fmt::format(
      "least eigenvalue {} after {} products and {:.2f} s: {:.6g} ± {:.1e}, the largest at least {:.6g}",
      answered(s.status) ? "found" : "not settled", s.products, s.seconds, s.value, s.residual, s.largest);
}

}  // namespace

bool answered(EigenStatus status) noexcept {
  return status == EigenStatus::converged;
}
bool failed(EigenStatus status) noexcept {
  return status == EigenStatus::not_finite;
}

const char* to_string(EigenStatus status) noexcept {
  switch (status) {
    case EigenStatus::converged:
      return "converged";
    case EigenStatus::budget_spent:
      return "budget_spent";
    case EigenStatus::stalled:
      return "stalled";
    case EigenStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

std::string EigenOptions::violation() const {
  if (max_products < 4) return fmt::format("max_products = {} violates max_products >= 4", max_products);
  if (basis < 3) return fmt::format("basis = {} violates basis >= 3", basis);
  if (!(tol > 0)) return fmt::format("tol = {} violates tol > 0", tol);
  if (!(failure > 0) || !(failure < 1)) return fmt::format("failure = {} violates 0 < failure < 1", failure);
  return "";
}

double lanczos_margin(std::int64_t n, int steps, double failure) noexcept {
  if (steps < 1) return std::numeric_limits<double>::infinity();
  const double root = std::log(1.648 * std::sqrt(static_cast<double>(n)) / failure) / (2.0 * steps - 1);
  return root > 0 ? root * root : 0;
}

EigenSummary least_eigenvalue(const SymmetricOperator& h, std::span<const double> start,
                              const ShardMap& layout, const Communicator& comm, const EigenOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  check(start, layout, comm, options);
  EigenSummary summary;
  OperatorShell shell(h, 0, layout, comm);
  try {
    search(shell, start, layout, comm, options, summary);
  } catch (const NotFinite&) {
    summary.status = EigenStatus::not_finite;
  }
  summary.products = shell.products();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  summary.seconds = max_over_ranks(elapsed.count(), comm);
  summary.message = message_of(summary);
  return summary;
}

}  // namespace lift
