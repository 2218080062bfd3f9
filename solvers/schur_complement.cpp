#include "solvers/schur_complement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/petsc.hpp"
#include "solvers/shard_algebra.hpp"
#include "solvers/shifted_cg.hpp"

#include <slepcds.h>

namespace lift {
namespace {

using DsHandle = PetscHandle<DS, DSDestroy>;

constexpr double kUsable = 0.1;   ///< a residual beyond which S is not worth showing
constexpr double kMeasured = 10;  ///< the measured residual may be this much more than CG's own

SchurStatus worse(SchurStatus a, SchurStatus b) {
  return static_cast<int>(a) > static_cast<int>(b) ? a : b;
}

SchurStatus status_of(CgEnd end) {
  switch (end) {
    case CgEnd::converged:
      return SchurStatus::solved;
    case CgEnd::iteration_limit:
      return SchurStatus::iteration_limit;
    case CgEnd::indefinite:
      return SchurStatus::indefinite;
    case CgEnd::not_finite:
      break;
  }
  return SchurStatus::not_finite;
}

/// S column by column.
class Columns {
 public:
  Columns(const StationarityProblem& problem, const SchurOptions& options, SchurSummary& summary)
      : problem_(problem),
        options_(options),
        summary_(summary),
        p_(problem.s.size()),
        column_(static_cast<std::size_t>(problem.layout.size(problem.comm.rank()))),
        x_(column_.size()),
        product_(column_.size()),
        h22_([this](std::span<const double> x, std::span<double> y) {
          problem_.h22(x, y);
          ++summary_.products;
        }) {}

  /// Whether S means something with it.
  [[nodiscard]] bool add(std::size_t i) {
    std::vector<double> unit(p_, 0.0), part(p_, 0.0);
    unit[i] = 1;
    problem_.h21(unit, column_);
    const double length = norm2(column_, problem_.comm);
    if (!std::isfinite(length)) return fails(SchurStatus::not_finite);
    if (length > 0) {
      if (!solve(length)) return false;
      problem_.h12(x_, part);
      sum_vector_over_ranks(part, problem_.comm);
    }
    for (const double entry : part) {
      if (!std::isfinite(entry)) return fails(SchurStatus::not_finite);
      summary_.s.push_back(length > 0 ? -entry : 0);
    }
    return true;
  }

 private:
  bool fails(SchurStatus status) {
    summary_.status = status;
    return false;
  }
  /// (H22 + μ) x = column, and by how much it is not.
  bool solve(double length) {
    const auto left = options_.max_products - summary_.products + measured_;
    const auto columns =
        static_cast<std::int64_t>(p_) - std::ssize(summary_.s) / static_cast<std::int64_t>(p_);
    const auto most = static_cast<int>(std::min<std::int64_t>(options_.max_iterations, left / columns));
    const auto cg =
        solve_shifted(h22_, options_.mu, column_, options_.tol, most, problem_.layout, problem_.comm, x_);
    summary_.status = worse(summary_.status, status_of(cg.end));
    if (failed(summary_.status)) return false;
    h22_(x_, product_);
    ++measured_;
    axpy(options_.mu, x_, product_);
    axpy(-1, column_, product_);
    const double residual = norm2(product_, problem_.comm) / length;
    if (!std::isfinite(residual)) return fails(SchurStatus::not_finite);
    summary_.residual = std::max(summary_.residual, residual);
    return true;
  }

  const StationarityProblem& problem_;
  const SchurOptions& options_;
  SchurSummary& summary_;
  std::size_t p_;
  std::int64_t measured_ = 0;  ///< of the products
  std::vector<double> column_, x_, product_;
  SymmetricOperator h22_;
};

double largest_entry(const std::vector<double>& s) {
  double largest = 0;
  for (const double entry : s) largest = std::max(largest, std::fabs(entry));
  return largest;
}

/// Makes S symmetric and tells by how much it was not.
double symmetrise(std::vector<double>& s, std::size_t p) {
  const double largest = largest_entry(s);
  double off = 0;
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      double &a = s[i * p + j], &b = s[j * p + i];
      off = std::max(off, std::fabs(a - b));
      a = b = 0.5 * (a + b);
    }
  }
  return largest > 0 ? off / largest : 0;
}

/// By SLEPc's dense solver, on the calling rank alone.
std::vector<double> eigenvalues_of(const std::vector<double>& s, std::size_t p) {
  std::vector<double> values(p);
  if (p == 0) return values;
  const auto n = static_cast<PetscInt>(p);
  DsHandle ds;
  check_petsc(DSCreate(PETSC_COMM_SELF, ds.out()), "DSCreate");
  check_petsc(DSSetType(ds.get(), DSHEP), "DSSetType");
  check_petsc(DSAllocate(ds.get(), n), "DSAllocate");
  check_petsc(DSSetDimensions(ds.get(), n, 0, 0), "DSSetDimensions");
  PetscScalar* entries = nullptr;
  check_petsc(DSGetArray(ds.get(), DS_MAT_A, &entries), "DSGetArray");
  std::ranges::copy(s, entries);
  check_petsc(DSRestoreArray(ds.get(), DS_MAT_A, &entries), "DSRestoreArray");
  check_petsc(DSSetState(ds.get(), DS_STATE_RAW), "DSSetState");
  check_petsc(DSSolve(ds.get(), values.data(), nullptr), "DSSolve");
  std::ranges::sort(values);
  return values;
}

/// Rank 0's are everybody's: LAPACK promises no equal bits on other processors.
void find_eigenvalues(const Communicator& comm, std::size_t p, SchurSummary& summary) {
  summary.eigenvalues.resize(p);
  agree(comm, [&] {
    if (comm.is_root()) summary.eigenvalues = eigenvalues_of(summary.s, p);
  });
  broadcast(host_buffer(std::span(summary.eigenvalues)), 0, comm);
}

void certify(const SchurOptions& options, SchurSummary& summary) {
  const double positive = summary.eigenvalues.empty() ? 0 : std::max(0.0, summary.eigenvalues.back());
  const bool met = summary.residual <= kMeasured * options.tol &&
                   summary.asymmetry <= options.certificate_tol &&
                   positive <= options.certificate_tol * largest_entry(summary.s);
  if (!met) summary.status = worse(summary.status, SchurStatus::stalled);
}

void check(const StationarityProblem& problem, const SchurOptions& options) {
  agree(problem.comm, [&] {
    if (const auto wrong = options.violation(); !wrong.empty())
      throw Error(ExitCode::internal, "Schur complement: " + wrong);
    if (problem.layout.parts() != problem.comm.size())
      throw Error(ExitCode::internal, fmt::format("Schur complement: a layout of {} shards on {} ranks",
                                                  problem.layout.parts(), problem.comm.size()));
  });
}

std::string message_of(const SchurSummary& s, double mu) {
  const std::string how =
      fmt::format("after {} products and {:.2f} s with mu = {:.3g}", s.products, s.seconds, mu);
  if (s.status == SchurStatus::indefinite)
    return fmt::format("there is no Schur complement {}: H22 + mu is not positive definite", how);
  if (s.status == SchurStatus::not_finite)
    return fmt::format("the Schur complement failed {} on numbers that are not finite", how);
  if (s.residual > kUsable)
    return fmt::format("the Schur complement was not found {}: residual {:.1e}", how, s.residual);
  if (s.eigenvalues.empty()) return "the Schur complement of no group is empty";
  return fmt::format(
      "Schur complement {} {}: eigenvalues {:.6g} to {:.6g}, residual {:.1e}, asymmetry {:.1e}",
      answered(s.status) ? "found" : "not settled", how, s.eigenvalues.front(), s.eigenvalues.back(),
      s.residual, s.asymmetry);
}

}  // namespace

bool answered(SchurStatus status) noexcept {
  return status == SchurStatus::solved;
}
bool failed(SchurStatus status) noexcept {
  return status == SchurStatus::indefinite || status == SchurStatus::not_finite;
}

const char* to_string(SchurStatus status) noexcept {
  switch (status) {
    case SchurStatus::solved:
      return "solved";
    case SchurStatus::stalled:
      return "stalled";
    case SchurStatus::iteration_limit:
      return "iteration_limit";
    case SchurStatus::indefinite:
      return "indefinite";
    case SchurStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

std::string SchurOptions::violation() const {
  if (!(mu >= 0) || !std::isfinite(mu)) return fmt::format("mu = {} violates 0 <= mu < inf", mu);
  if (!(tol > 0)) return fmt::format("tol = {} violates tol > 0", tol);
  if (!(certificate_tol > 0))
    return fmt::format("certificate_tol = {} violates certificate_tol > 0", certificate_tol);
  if (max_products < 1) return fmt::format("max_products = {} violates max_products >= 1", max_products);
  if (max_iterations < 1)
    return fmt::format("max_iterations = {} violates max_iterations >= 1", max_iterations);
  return "";
}

SchurSummary schur_complement(const StationarityProblem& problem, const SchurOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  check(problem, options);
  SchurSummary summary;
  summary.status = SchurStatus::solved;
  const std::size_t p = problem.s.size();
  Columns columns(problem, options, summary);
  std::size_t done = 0;
  while (done < p && columns.add(done)) ++done;
  if (done == p && summary.residual <= kUsable) {
    summary.asymmetry = symmetrise(summary.s, p);
    find_eigenvalues(problem.comm, p, summary);
    certify(options, summary);
  } else {
    summary.s.clear();
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  summary.seconds = max_over_ranks(elapsed.count(), problem.comm);
  summary.message = message_of(summary, options.mu);
  return summary;
}

}  // namespace lift
