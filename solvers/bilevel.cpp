#include "solvers/bilevel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/operator_shell.hpp"
#include "solvers/petsc.hpp"

#include <petsctao.h>

namespace lift {
namespace {

using TaoHandle = PetscHandle<Tao, TaoDestroy>;

constexpr auto kNoError = static_cast<PetscErrorCode>(0);

/// ∂V/∂θ_i, or 0 where a bound holds θ_i against it.
double free_part(double gradient, double theta, double lower, double upper) {
  const bool held = (theta <= lower && gradient > 0) || (theta >= upper && gradient < 0);
  return held ? 0 : gradient;
}

bool finite(double value, std::span<const double> gradient) {
  return std::isfinite(value) && std::ranges::all_of(gradient, [](double g) { return std::isfinite(g); });
}

/// Evaluations of all ranks together, led by rank 0.
class Evaluations {
 public:
  Evaluations(const BilevelProblem& problem, const Communicator& comm, const BilevelOptions& options,
              BilevelSummary& summary)
      : problem_(problem),
        comm_(comm),
        options_(options),
        summary_(summary),
        gradient_(problem.start.size()) {}

  /// Rank 0 asks for V at θ; false, and nothing is evaluated, once they have ended.
  bool at(std::span<const double> theta, double& value, std::span<double> gradient) {
    if (ended()) return false;
    tell(1);
    std::vector<double> sent(theta.begin(), theta.end());
    broadcast(host_buffer(std::span(sent)), 0, comm_);
    try {
      evaluate(sent);
    } catch (...) {
      thrown_ = std::current_exception();
      return false;
    }
    value = summary_.path.back().value;
    std::ranges::copy(gradient_, gradient.begin());
    return finite(value, gradient);
  }
  /// The other ranks, until rank 0 says that it has done.
  void follow() {
    std::vector<double> theta(problem_.start.size());
    while (told() == 1) {
      broadcast(host_buffer(std::span(theta)), 0, comm_);
      evaluate(theta);
    }
  }
  /// Rank 0, at the end; `failure` is what stopped it beside the objective, which threw on every rank.
  void finish(const std::exception_ptr& failure) {
    if (thrown_) std::rethrow_exception(thrown_);
    tell(0);
    failure_ = failure;
  }
  /// Every rank, at the end.
  void agree_on_failure() {
    agree(comm_, [&] {
      if (failure_) std::rethrow_exception(failure_);
    });
  }
  [[nodiscard]] bool spent() const { return std::ssize(summary_.path) >= options_.max_evaluations; }
  [[nodiscard]] bool ended() const { return thrown_ != nullptr || broken_ || spent(); }
  [[nodiscard]] bool converged() const {
    return summary_.projected_gradient <= options_.tol * std::fabs(summary_.value);
  }

 private:
  void tell(int what) { broadcast(host_buffer(std::span(&what, 1)), 0, comm_); }
  [[nodiscard]] int told() {
    int what = 0;
    broadcast(host_buffer(std::span(&what, 1)), 0, comm_);
    return what;
  }
  void evaluate(const std::vector<double>& theta) {
    const double value = problem_.objective(theta, gradient_);
    summary_.path.push_back({theta, value});
    if (!finite(value, gradient_)) {
      broken_ = true;
    } else if (!(summary_.value <= value)) {
      summary_.theta = theta;
      summary_.value = value;
      summary_.gradient = gradient_;
      summary_.projected_gradient = 0;
      for (std::size_t i = 0; i < theta.size(); ++i) {
        const double part = free_part(gradient_[i], theta[i], problem_.lower[i], problem_.upper[i]);
        summary_.projected_gradient = std::max(summary_.projected_gradient, std::fabs(part));
      }
    }
  }

  const BilevelProblem& problem_;
  const Communicator& comm_;
  const BilevelOptions& options_;
  BilevelSummary& summary_;
  std::vector<double> gradient_;
  std::exception_ptr thrown_, failure_;
  bool broken_ = false;  ///< a value was not finite
};

/// Where nothing is evaluated any more TAO sees a flat function, until its test ends it.
PetscErrorCode evaluate(Tao, Vec theta, PetscReal* value, Vec gradient, void* data) {
  auto* evaluations = static_cast<Evaluations*>(data);
  const ReadShard x(theta);
  const WriteShard g(gradient);
  if (!evaluations->at(x.values(), *value, g.values())) {
    *value = 0;
    std::ranges::fill(g.values(), 0.0);
  }
  return kNoError;
}

PetscErrorCode test_convergence(Tao tao, void* data) {
  const auto* evaluations = static_cast<const Evaluations*>(data);
  if (evaluations->converged()) return TaoSetConvergedReason(tao, TAO_CONVERGED_USER);
  return TaoSetConvergedReason(tao, evaluations->ended() ? TAO_DIVERGED_USER : TAO_CONTINUE_ITERATING);
}

VecHandle vector_of(std::span<const double> values) {
  VecHandle vec;
  check_petsc(VecCreateSeq(PETSC_COMM_SELF, static_cast<PetscInt>(values.size()), vec.out()), "VecCreateSeq");
  std::ranges::copy(values, WriteShard(vec.get()).values().begin());
  return vec;
}

void run_tao(const BilevelProblem& problem, Evaluations& evaluations, const BilevelOptions& options) {
  const VecHandle theta = vector_of(problem.start), lower = vector_of(problem.lower),
                  upper = vector_of(problem.upper);
  TaoHandle tao;
  check_petsc(TaoCreate(PETSC_COMM_SELF, tao.out()), "TaoCreate");
  check_petsc(TaoSetType(tao.get(), TAOBLMVM), "TaoSetType");
  check_petsc(TaoSetSolution(tao.get(), theta.get()), "TaoSetSolution");
  check_petsc(TaoSetVariableBounds(tao.get(), lower.get(), upper.get()), "TaoSetVariableBounds");
  check_petsc(TaoSetObjectiveAndGradient(tao.get(), nullptr, evaluate, &evaluations),
              "TaoSetObjectiveAndGradient");
  check_petsc(TaoSetConvergenceTest(tao.get(), test_convergence, &evaluations), "TaoSetConvergenceTest");
  check_petsc(TaoSetMaximumIterations(tao.get(), options.max_evaluations), "TaoSetMaximumIterations");
  check_petsc(TaoSolve(tao.get()), "TaoSolve");
}

/// Rank 0 alone; what stopped it but for the objective.
std::exception_ptr lead(const BilevelProblem& problem, Evaluations& evaluations,
                        const BilevelOptions& options) {
  try {
    double value = 0;
    if (problem.start.empty()) {
      evaluations.at({}, value, {});
    } else {
      run_tao(problem, evaluations, options);
    }
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
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

BilevelStatus status_of(const Evaluations& evaluations, const BilevelSummary& summary) {
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
  Evaluations evaluations(problem, comm, options, summary);
  if (comm.is_root()) {
    evaluations.finish(lead(problem, evaluations, options));
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
