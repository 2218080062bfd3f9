#include "src/search/implicit.hpp"

#include <vector>

#include "src/search/round_operators.hpp"
#include "src/search/sharded.hpp"

namespace lift {

StationarityOptions solver_options(const SearchOptions& options) {
  StationarityOptions solver;
  solver.inverse = options.inverse;
  solver.set = bounds_lambda_by_a_ball(options.trust_region) ? LambdaSet::ball : LambdaSet::box;
  solver.mu = options.damping;
  solver.basis = options.basis;
  solver.tol = options.solve_tol;
  solver.certificate_tol = 10 * options.solve_tol;
  solver.max_iterations = options.max_products;
  solver.max_products = options.max_products;
  return solver;
}

namespace {

/// What the solvers are given: the operators on this rank's shards, and g.
class Solve {
 public:
  Solve(const Round& round, const Slope& slope, const SearchObserver& observer)
      : operators_(round, slope.training_gradient,
                   [&round, &observer](std::int64_t done) {
                     report(observer, "implicit solve", done, round.options.max_products);
                   }),
        g_(shard_of(slope.gradient, operators_.layout(), round.state.comm.rank())),
        s_(lambda_bounds(round.options.radius, round.state.lambda)) {}

  /// Refers to this.
  [[nodiscard]] StationarityProblem problem() const { return operators_.problem(g_, s_); }
  [[nodiscard]] std::size_t shard_size() const { return g_.size(); }
  [[nodiscard]] at::Tensor whole(std::span<const double> shard) const { return operators_.whole(shard); }

 private:
  RoundOperators operators_;
  std::vector<double> g_, s_;
};

}  // namespace

ImplicitStep implicit_step(const Round& round, const Slope& slope, const SearchObserver& observer) {
  Solve solve(round, slope, observer);
  std::vector<double> dw(solve.shard_size());
  ImplicitStep step;
  step.summary = solve_stationarity(solve.problem(), solver_options(round.options), dw);
  step.w = solve.whole(dw);
  return step;
}

AdjointStep adjoint_step(const Round& round, const Slope& slope, const SearchObserver& observer) {
  Solve solve(round, slope, observer);
  AdjointStep step;
  step.summary = solve_adjoint(solve.problem(), solver_options(round.options));
  step.q = solve.whole(step.summary.q);
  return step;
}

}  // namespace lift
