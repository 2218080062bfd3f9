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

constexpr double kFirstStep = 1.3862943611198906;  ///< log 4: λ changes by a factor of four

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
  bool at(std::span<const double> theta) {
    if (ended()) return false;
    std::vector<double> sent(theta.begin(), theta.end());
    tell(1);
    broadcast(host_buffer(std::span(sent)), 0, comm_);
    double value = 0;
    try {
      value = problem_.objective(sent, gradient_);
    } catch (...) {
      thrown_ = std::current_exception();
      return false;
    }
    note(sent, value);
    return true;
  }
  /// The other ranks, until rank 0 says that it has done.
  void follow() {
    std::vector<double> theta(problem_.start.size());
    while (told() == 1) {
      broadcast(host_buffer(std::span(theta)), 0, comm_);
      const double value = problem_.objective(theta, gradient_);
      note(theta, value);
    }
  }
  /// Rank 0, at the end; what the objective threw was thrown on every rank.
  void finish() {
    if (thrown_) std::rethrow_exception(thrown_);
    tell(0);
  }
  /// Every rank, at the end.
  void agree_on_failure() {
    agree(comm_, [&] {
      if (failure_) std::rethrow_exception(failure_);
    });
  }
  /// Something but the objective failed on rank 0.
  void fail(std::exception_ptr failure) { failure_ = std::move(failure); }

  [[nodiscard]] const BilevelPoint& last() const { return summary_.path.back(); }
  [[nodiscard]] std::span<const double> gradient() const { return gradient_; }
  [[nodiscard]] double best() const { return summary_.value; }
  [[nodiscard]] bool spent() const { return std::ssize(summary_.path) >= options_.max_evaluations; }
  [[nodiscard]] bool ended() const {
    const bool no_start = !summary_.path.empty() && std::isnan(summary_.value);
    return thrown_ != nullptr || failure_ != nullptr || no_start || spent();
  }
  [[nodiscard]] bool converged() const { return stationary(summary_.value, summary_.projected_gradient); }
  /// Whether θ was evaluated and found to be stationary.
  [[nodiscard]] bool stationary_at(std::span<const double> theta) const {
    return std::ranges::any_of(summary_.path, [&](const BilevelPoint& point) {
      return std::ranges::equal(point.theta, theta) && stationary(point.value, point.projected_gradient);
    });
  }

 private:
  void tell(int what) { broadcast(host_buffer(std::span(&what, 1)), 0, comm_); }
  [[nodiscard]] int told() {
    int what = 0;
    broadcast(host_buffer(std::span(&what, 1)), 0, comm_);
    return what;
  }
  [[nodiscard]] bool stationary(double value, double projected_gradient) const {
    return projected_gradient <= options_.tol * std::fabs(value);
  }
  [[nodiscard]] double projected(const std::vector<double>& theta, double value) const {
    const auto is_finite = [](double number) { return std::isfinite(number); };
    if (!is_finite(value) || !std::ranges::all_of(gradient_, is_finite))
      return std::numeric_limits<double>::quiet_NaN();
    double largest = 0;
    for (std::size_t i = 0; i < theta.size(); ++i) {
      const double part = free_part(gradient_[i], theta[i], problem_.lower[i], problem_.upper[i]);
      largest = std::max(largest, std::fabs(part));
    }
    return largest;
  }
  void note(const std::vector<double>& theta, double value) {
    summary_.path.push_back({theta, value, projected(theta, value)});
    const BilevelPoint& point = summary_.path.back();
    if (std::isnan(point.projected_gradient) || summary_.value <= value) return;
    summary_.theta = theta;
    summary_.value = value;
    summary_.gradient = gradient_;
    summary_.projected_gradient = point.projected_gradient;
  }

  const BilevelProblem& problem_;
  const Communicator& comm_;
  const BilevelOptions& options_;
  BilevelSummary& summary_;
  std::vector<double> gradient_;
  std::exception_ptr thrown_, failure_;
};

/// V as TAO sees it: less what makes its first step as long as it shall be, for which it takes 2|V|/‖∇V‖. A
/// trial that is not finite is a high plain, and everything is once nothing is evaluated any more.
class Landscape {
 public:
  explicit Landscape(Evaluations& evaluations) : evaluations_(evaluations) {}
  [[nodiscard]] Evaluations& evaluations() const { return evaluations_; }

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
  Evaluations& evaluations_;
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
  const Evaluations& evaluations = landscape->evaluations();
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

void run_tao(const BilevelProblem& problem, std::span<const double> start, Evaluations& evaluations) {
  Landscape landscape(evaluations);
  const VecHandle theta = vector_of(start), lower = vector_of(problem.lower),
                  upper = vector_of(problem.upper);
  TaoHandle tao;
  check_petsc(TaoCreate(PETSC_COMM_SELF, tao.out()), "TaoCreate");
  check_petsc(TaoSetType(tao.get(), TAOBLMVM), "TaoSetType");
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
void lead(const BilevelProblem& problem, Evaluations& evaluations, const BilevelSummary& summary) {
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
