#include "solvers/bilevel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <optional>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/bilevel_evaluations.hpp"
#include "solvers/operator_shell.hpp"
#include "solvers/petsc.hpp"

#include <petsctao.h>

namespace lift {
namespace {

using TaoHandle = PetscHandle<Tao, TaoDestroy>;

constexpr auto kNoError = static_cast<PetscErrorCode>(0);

constexpr double kFirstStep = 1.3862943611198906;  ///< log 4: λ changes by a factor of four

/// V as TAO sees it: less what makes its first step as long as it shall be, for which it takes 2|V|/‖∇V‖. A
/// trial that is not finite is a high plain, and everything is once nothing is evaluated any more.
class Landscape {
 public:
  explicit Landscape(BilevelEvaluations& evaluations) : evaluations_(evaluations) {}
  [[nodiscard]] BilevelEvaluations& evaluations() const { return evaluations_; }

  void at(std::span<const double> theta, double& value, std::span<double> gradient) {
    const bool evaluated = evaluations_.at(theta);
    if (!evaluated || std::isnan(evaluations_.last().projected_gradient)) {
      value = highest_ + 1;
      std::ranges::fill(gradient, 0.0);
      return;
    }
    std::ranges::copy(evaluations_.gradient(), gradient.begin());
    if (!shift_) {
      double squares = 0;
      for (const double g : gradient) squares += g * g;
      shift_ = evaluations_.last().value - 0.5 * kFirstStep * std::sqrt(squares);
    }
    value = evaluations_.last().value - *shift_;
    highest_ = std::max(highest_, std::fabs(value));
  }

 private:
  BilevelEvaluations& evaluations_;
  std::optional<double> shift_;
  double highest_ = 0;
};

PetscErrorCode evaluate(Tao, Vec theta, PetscReal* value, Vec gradient, void* data) {
  auto* landscape = static_cast<Landscape*>(data);
  try {
    const ReadShard x(theta);
    const WriteShard g(gradient);
    landscape->at(x.values(), *value, g.values());
  } catch (...) {
    landscape->evaluations().fail(std::current_exception());
    *value = 0;
    return VecSet(gradient, 0);
  }
  return kNoError;
}

PetscErrorCode test_convergence(Tao tao, void* data) {
  const auto* landscape = static_cast<const Landscape*>(data);
  const BilevelEvaluations& evaluations = landscape->evaluations();
  if (evaluations.ended()) return TaoSetConvergedReason(tao, TAO_DIVERGED_USER);
  Vec theta = nullptr;
  if (const auto code = TaoGetSolution(tao, &theta); code != kNoError) return code;
  const PetscScalar* values = nullptr;
  PetscInt size = 0;
  if (const auto code = VecGetLocalSize(theta, &size); code != kNoError) return code;
  if (const auto code = VecGetArrayRead(theta, &values); code != kNoError) return code;
  const bool stationary = evaluations.stationary_at({values, static_cast<std::size_t>(size)});
  if (const auto code = VecRestoreArrayRead(theta, &values); code != kNoError) return code;
  return TaoSetConvergedReason(tao, stationary ? TAO_CONVERGED_USER : TAO_CONTINUE_ITERATING);
}

VecHandle vector_of(std::span<const double> values) {
  VecHandle vec;
  check_petsc(VecCreateSeq(PETSC_COMM_SELF, static_cast<PetscInt>(values.size()), vec.out()), "VecCreateSeq");
  std::ranges::copy(values, WriteShard(vec.get()).values().begin());
  return vec;
}

void run_tao(const BilevelProblem& problem, std::span<const double> start, BilevelEvaluations& evaluations) {
  Landscape landscape(evaluations);
  const VecHandle theta = vector_of(start), lower = vector_of(problem.lower),
                  upper = vector_of(problem.upper);
  TaoHandle tao;
  check_petsc(TaoCreate(PETSC_COMM_SELF, tao.out()), "TaoCreate");
  check_petsc(TaoSetType(tao.get(), TAOBLMVM), "TaoSetType");
  check_petsc(TaoSetOptionsPrefix(tao.get(), "lift_"), "TaoSetOptionsPrefix");
  check_petsc(TaoSetFromOptions(tao.get()), "TaoSetFromOptions");
  check_petsc(TaoSetType(tao.get(), TAOBLMVM), "TaoSetType");  // another may not keep to the bounds
  check_petsc(TaoSetSolution(tao.get(), theta.get()), "TaoSetSolution");
  check_petsc(TaoSetVariableBounds(tao.get(), lower.get(), upper.get()), "TaoSetVariableBounds");
  check_petsc(TaoSetObjectiveAndGradient(tao.get(), nullptr, evaluate, &landscape),
              "TaoSetObjectiveAndGradient");
  check_petsc(TaoSetConvergenceTest(tao.get(), test_convergence, &landscape), "TaoSetConvergenceTest");
  const PetscErrorCode code = TaoSolve(tao.get());
  // Its line search may take offence at the plain that is left when nothing is evaluated any more.
  if (!evaluations.ended()) check_petsc(code, "TaoSolve");
}

/// Rank 0 alone. TAO begins again where a lower V was met than it ended at.
void lead(const BilevelProblem& problem, BilevelEvaluations& evaluations, const BilevelSummary& summary) {
  try {
    if (problem.start.empty()) {
      evaluations.at({});
      return;
    }
    std::vector<double> start(problem.start.begin(), problem.start.end());
    double before = std::numeric_limits<double>::infinity();
    run_tao(problem, start, evaluations);
    while (!evaluations.ended() && !evaluations.converged() && evaluations.best() < before) {
      before = evaluations.best();
      start = summary.theta;
      run_tao(problem, start, evaluations);
    }
  } catch (...) {
    evaluations.fail(std::current_exception());
  }
}

void check(const BilevelProblem& problem, const Communicator& comm, const BilevelOptions& options) {
  agree(comm, [&] {
    if (const auto wrong = options.violation(); !wrong.empty())
      throw Error(ExitCode::internal, "bilevel: " + wrong);
    const std::size_t p = problem.start.size();
    if (problem.lower.size() != p || problem.upper.size() != p)
      throw Error(ExitCode::internal,
                  fmt::format("bilevel: {} entries of theta, {} lower and {} upper bounds", p,
                              problem.lower.size(), problem.upper.size()));
    for (std::size_t i = 0; i < p; ++i) {
      if (!std::isfinite(problem.start[i]) || !(problem.lower[i] <= problem.upper[i]))
        throw Error(ExitCode::internal, fmt::format("bilevel: theta_{} = {} in [{}, {}]", i, problem.start[i],
                                                    problem.lower[i], problem.upper[i]));
    }
  });
}

BilevelStatus status_of(const BilevelEvaluations& evaluations, const BilevelSummary& summary) {
  if (std::isnan(summary.value)) return BilevelStatus::not_finite;
  if (evaluations.converged()) return BilevelStatus::converged;
  return evaluations.spent() ? BilevelStatus::evaluation_limit : BilevelStatus::stalled;
}

std::string message_of(const BilevelSummary& s) {
  if (failed(s.status)) return "the bilevel minimisation failed at its start, where V is not finite";
  return fmt::format(
             "bilevel minimisation {} ({}) after {} evaluations and {:.2f} s: V from {:.6g} to {:.6g}, ",
             answered(s.status) ? "ended" : "stopped", to_string(s.status), s.path.size(), s.seconds,
             s.path.front().value, s.value) +
         fmt::format("projected gradient {:.1e}", s.projected_gradient);
}

}  // namespace

bool answered(BilevelStatus status) noexcept {
  return status == BilevelStatus::converged;
}
bool failed(BilevelStatus status) noexcept {
  return status == BilevelStatus::not_finite;
}

const char* to_string(BilevelStatus status) noexcept {
  switch (status) {
    case BilevelStatus::converged:
      return "converged";
    case BilevelStatus::evaluation_limit:
      return "evaluation_limit";
    case BilevelStatus::stalled:
      return "stalled";
    case BilevelStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

std::string BilevelOptions::violation() const {
  if (!(tol > 0)) return fmt::format("tol = {} violates tol > 0", tol);
  if (max_evaluations < 1)
    return fmt::format("max_evaluations = {} violates max_evaluations >= 1", max_evaluations);
  return "";
}

BilevelSummary minimise_bilevel(const BilevelProblem& problem, const Communicator& comm,
                                const BilevelOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  check(problem, comm, options);
  BilevelSummary summary;
  BilevelEvaluations evaluations(problem, comm, options, summary);
  if (comm.is_root()) {
    lead(problem, evaluations, summary);
    evaluations.finish();
  } else {
    evaluations.follow();
  }
  evaluations.agree_on_failure();
  summary.status = status_of(evaluations, summary);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  summary.seconds = max_over_ranks(elapsed.count(), comm);
  summary.message = message_of(summary);
  return summary;
}

}  // namespace lift
