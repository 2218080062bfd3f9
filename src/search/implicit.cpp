#include "src/search/implicit.hpp"

#include <algorithm>

#include "src/objective/distributed.hpp"
#include "src/search/cross_shard.hpp"
#include "src/search/curvature.hpp"
#include "src/search/sharded.hpp"

namespace lift {
namespace {

StationarityOptions solver_options(const SearchOptions& options) {
  StationarityOptions solver;
  solver.set = options.trust_region == TrustRegion::ball ? LambdaSet::ball : LambdaSet::box;
  solver.mu = options.damping;
  solver.tol = options.solve_tol;
  solver.certificate_tol = 10 * options.solve_tol;
  solver.max_iterations = options.max_products;
  solver.max_products = options.max_products;
  return solver;
}

/// What the solvers are given: the operators on this rank's shards, and g.
class Solve {
 public:
  Solve(const Round& round, const Slope& slope, const SearchObserver& observer)
      : round_(round),
        observer_(observer),
        layout_(round.tuned().flat().numel(), comm().size()),
        curvature_(round, part_of_rank(round.hessian_sequences, comm()), slope.training_gradient),
        h22_(hessian_operator(round, layout_, curvature_, last_)),
        cross_(round, layout_),
        g_(shard_of(slope.gradient, layout_, comm().rank())),
        s_(lambda_bounds(round.options.radius, round.state.lambda)) {}

  /// Refers to this.
  [[nodiscard]] StationarityProblem problem() {
    return {.h22 = [this](std::span<const double> x, std::span<double> y) { multiply(x, y); },
            .h21 = [this](std::span<const double> lambda, std::span<double> w) { cross_.apply(lambda, w); },
            .h12 = [this](std::span<const double> w,
                          std::span<double> lambda) { cross_.apply_transposed(w, lambda); },
            .g = g_,
            .s = s_,
            .layout = layout_,
            .comm = comm()};
  }
  [[nodiscard]] std::size_t shard_size() const { return g_.size(); }
  [[nodiscard]] at::Tensor whole(std::span<const double> shard) const {
    return whole_tensor(shard, layout_, round_.tuned().flat(), comm());
  }

 private:
  [[nodiscard]] const Communicator& comm() const { return round_.state.comm; }
  void multiply(std::span<const double> x, std::span<double> y) {
    h22_(x, y);
    report(observer_, "implicit solve", ++done_, round_.options.max_products);
  }

  const Round& round_;
  const SearchObserver& observer_;
  ShardMap layout_;
  LocalCurvature curvature_;
  WholeProduct last_;
  SymmetricOperator h22_;
  CrossShard cross_;
  std::vector<double> g_, s_;
  std::int64_t done_ = 0;
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

StationaritySummary find_hypergradient(const Round& round, const Slope& slope,
                                       const SearchObserver& observer) {
  Solve solve(round, slope, observer);
  StationaritySummary summary = solve_adjoint(solve.problem(), solver_options(round.options));
  summary.q = {};
  return summary;
}

}  // namespace lift
