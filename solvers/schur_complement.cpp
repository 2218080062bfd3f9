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

constexpr double kUsable = 0.1;      ///< a residual beyond which S is not worth showing
constexpr int kTogether = 4;         ///< residuals measured at a time
constexpr double kRounding = 1e-14;  ///< of the largest curvature: a smaller one counts as none
constexpr double kMeasured = 10;     ///< the measured residual may be this much more than CG's own

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

/// The p solves, which share one basis.
class Solves {
 public:
  Solves(const StationarityProblem& problem, const SchurOptions& options, SchurSummary& summary)
      : problem_(problem),
        options_(options),
        summary_(summary),
        products_([this, h22 = problem.block()](std::span<const std::span<const double>> x,
                                                std::span<const std::span<double>> y) {
          summary_.products += std::ssize(x);
          h22(x, y);
        }),
        product_([this](std::span<const double> x, std::span<double> y) {
          products_({&x, 1}, {&y, 1});
        }),
        basis_(products_, problem.layout, problem.comm) {}

  /// Whether S means something with them.
  [[nodiscard]] bool run() {
    if (!start() || !grow()) return false;
    summary_.s.assign(columns_.size() * columns_.size(), 0.0);
    const auto p = static_cast<int>(columns_.size());
    for (int first = 0; first < p; first += kTogether)
      if (!finish(first, std::min(p, first + kTogether))) return false;
    return true;
  }

 private:
  struct Column {
    int chain = -1;         ///< −1: a column of zeros, which needs no solve
    std::vector<double> y;  ///< of Galerkin's solution
    bool solved = false;    ///< by Galerkin's method
  };

  bool fails(SchurStatus status) {
    summary_.status = status;
    return false;
  }
  [[nodiscard]] std::vector<double> column_of(std::size_t i) const {
    std::vector<double> unit(problem_.s.size(), 0.0), column(shard_size());
    unit[i] = 1;
    problem_.h21(unit, column);
    return column;
  }
  [[nodiscard]] std::size_t shard_size() const {
    return static_cast<std::size_t>(problem_.layout.size(problem_.comm.rank()));
  }

  [[nodiscard]] bool start() {
    for (std::size_t i = 0; i < problem_.s.size(); ++i) {
      const auto column = column_of(i);
      const double length = norm2(column, problem_.comm);
      if (!std::isfinite(length)) return fails(SchurStatus::not_finite);
      columns_.push_back({length > 0 ? basis_.start(column) : -1, {}, length == 0});
    }
    return true;
  }

  /// Grows the chains that the unsolved columns ask for, all by one call of H22, as long as there is room.
  [[nodiscard]] bool grow() {
    for (;; ++steps_) {
      const auto& theta = basis_.ritz().values;
      if (!theta.empty() && theta.front() + options_.mu <= kRounding * std::max(-theta.front(), theta.back()))
        return fails(SchurStatus::indefinite);
      std::vector<int> wanted;
      for (Column& column : columns_) ask(column, wanted);
      if (wanted.empty()) return true;
      const auto left =
          std::min<std::int64_t>(options_.max_products - summary_.products, options_.basis - basis_.size());
      if (left < std::ssize(wanted) || steps_ == options_.max_iterations) return true;
      if (!basis_.grow(wanted)) return fails(SchurStatus::not_finite);
    }
  }
  void ask(Column& column, std::vector<int>& wanted) const {
    if (column.chain < 0) return;
    column.y = basis_.function([mu = options_.mu](double theta) { return 1 / (theta + mu); }, column.chain);
    const int next = basis_.largest_part(column.y, column.chain);
    column.solved =
        next < 0 || basis_.residual(column.y, column.chain) <= options_.tol * basis_.length(column.chain);
    if (!column.solved && std::ranges::find(wanted, next) == wanted.end()) wanted.push_back(next);
  }

  /// Columns [first, last) of S, and by how much their solves are not.
  [[nodiscard]] bool finish(int first, int last) {
    std::vector<std::vector<double>> x, b, residuals;
    for (int i = first; i < last; ++i) {
      if (columns_[i].chain < 0) continue;
      b.push_back(column_of(i));
      x.push_back(basis_.expand(columns_[i].y));
      if (!columns_[i].solved && !solve_rest(i, x.back())) return false;
    }
    residuals.assign(x.size(), std::vector<double>(shard_size()));
    const std::vector<std::span<const double>> in(x.begin(), x.end());
    const std::vector<std::span<double>> out(residuals.begin(), residuals.end());
    if (!in.empty()) products_(in, out);
    measured_ += std::ssize(in);
    for (std::size_t j = 0; j < x.size(); ++j) {
      axpy(options_.mu, x[j], residuals[j]);
      axpy(-1, b[j], residuals[j]);
      const double residual = norm2(residuals[j], problem_.comm) / norm2(b[j], problem_.comm);
      if (!std::isfinite(residual)) return fails(SchurStatus::not_finite);
      summary_.residual = std::max(summary_.residual, residual);
    }
    std::size_t at = 0;
    for (int i = first; i < last; ++i)
      if (columns_[i].chain >= 0 && !write(i, x[at++])) return false;
    return true;
  }

  /// By CG, deflated by the basis, what that left of column i.
  bool solve_rest(int i, std::vector<double>& x) {
    const Column& column = columns_[i];
    std::int64_t still = 0;
    for (std::size_t j = i; j < columns_.size(); ++j) still += columns_[j].solved ? 0 : 1;
    const auto left = (options_.max_products - summary_.products + measured_) / still;
    const auto most = static_cast<int>(std::min<std::int64_t>(options_.max_iterations - steps_, left));
    const auto cg = lift::solve_rest(product_, options_.mu, basis_, column.chain, column.y, options_.tol,
                                     most, problem_.layout, problem_.comm, x);
    summary_.status = worse(summary_.status, status_of(cg.end));
    return !failed(summary_.status);
  }

  [[nodiscard]] bool write(std::size_t i, std::span<const double> x) {
    const std::size_t p = columns_.size();
    std::vector<double> part(p, 0.0);
    problem_.h12(x, part);
    sum_vector_over_ranks(part, problem_.comm);
    for (std::size_t j = 0; j < p; ++j) {
      if (!std::isfinite(part[j])) return fails(SchurStatus::not_finite);
      summary_.s[i * p + j] = -part[j];
    }
    return true;
  }

  const StationarityProblem& problem_;
  const SchurOptions& options_;
  SchurSummary& summary_;
  int steps_ = 0;              ///< of the basis
  std::int64_t measured_ = 0;  ///< of the products
  BlockOperator products_;     ///< with H22, counted
  SymmetricOperator product_;  ///< likewise, one
  KrylovBasis basis_;
  std::vector<Column> columns_;
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
  if (basis < 1) return fmt::format("basis = {} violates basis >= 1", basis);
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
  if (Solves(problem, options, summary).run() && summary.residual <= kUsable) {
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
