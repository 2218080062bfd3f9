#include "solvers/bilevel_evaluations.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"

namespace lift {
namespace {

/// ∂V/∂θ_i, or 0 where a bound holds θ_i against it.
double free_part(double gradient, double theta, double lower, double upper) {
  const bool held = (theta <= lower && gradient > 0) || (theta >= upper && gradient < 0);
  return held ? 0 : gradient;
}

}  // namespace

BilevelEvaluations::BilevelEvaluations(const BilevelProblem& problem, const Communicator& comm,
                                       const BilevelOptions& options, BilevelSummary& summary)
    : problem_(problem), comm_(comm), options_(options), summary_(summary), gradient_(problem.start.size()) {}

bool BilevelEvaluations::at(std::span<const double> theta) {
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

void BilevelEvaluations::follow() {
  std::vector<double> theta(problem_.start.size());
  while (told() == 1) {
    broadcast(host_buffer(std::span(theta)), 0, comm_);
    const double value = problem_.objective(theta, gradient_);
    note(theta, value);
  }
}

void BilevelEvaluations::finish() {
  if (thrown_) std::rethrow_exception(thrown_);
  tell(0);
}

void BilevelEvaluations::fail(std::exception_ptr failure) {
  failure_ = std::move(failure);
}

void BilevelEvaluations::agree_on_failure() {
  agree(comm_, [&] {
    if (failure_) std::rethrow_exception(failure_);
  });
}

bool BilevelEvaluations::stationary_at(std::span<const double> theta) const {
  return std::ranges::any_of(summary_.path, [&](const BilevelPoint& point) {
    return std::ranges::equal(point.theta, theta) && stationary(point.value, point.projected_gradient);
  });
}

void BilevelEvaluations::tell(int what) {
  broadcast(host_buffer(std::span(&what, 1)), 0, comm_);
}

int BilevelEvaluations::told() {
  int what = 0;
  broadcast(host_buffer(std::span(&what, 1)), 0, comm_);
  return what;
}

double BilevelEvaluations::projected(const std::vector<double>& theta, double value) const {
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

void BilevelEvaluations::note(const std::vector<double>& theta, double value) {
  summary_.path.push_back({theta, value, projected(theta, value)});
  const BilevelPoint& point = summary_.path.back();
  if (std::isnan(point.projected_gradient) || summary_.value <= value) return;
  summary_.theta = theta;
  summary_.value = value;
  summary_.gradient = gradient_;
  summary_.projected_gradient = point.projected_gradient;
}

}  // namespace lift
