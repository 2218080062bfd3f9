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

}  // namespace

ImplicitStep implicit_step(const Round& round, const Slope& slope, const SearchObserver& observer) {
  const SearchState& state = round.state;
  const Communicator& comm = state.comm;
  const auto& w = round.tuned().flat();
  const ShardMap layout(w.numel(), comm.size());
  LocalCurvature curvature(round, part_of_rank(round.hessian_sequences, comm));
  at::Tensor product;
  const auto h22 = hessian_operator(round, layout, curvature, product);
  std::int64_t done = 0;
  const auto counted = [&](std::span<const double> x, std::span<double> y) {
    h22(x, y);
    report(observer, "implicit solve", ++done, round.options.max_products);
  };
  const CrossShard cross(round, layout);
  const auto g = shard_of(slope.gradient, layout, comm.rank());
  const std::vector<double> s(state.lambda.size(), round.options.radius.lambda_scale);
  const StationarityProblem problem{
      .h22 = counted,
      .h21 = [&](std::span<const double> lambda, std::span<double> out) { cross.apply(lambda, out); },
      .h12 = [&](std::span<const double> in,
                 std::span<double> lambda) { cross.apply_transposed(in, lambda); },
      .g = g,
      .s = s,
      .layout = layout,
      .comm = comm};
  std::vector<double> dw(g.size());
  ImplicitStep step;
  step.summary = solve_stationarity(problem, solver_options(round.options), dw);
  step.w = whole_tensor(dw, layout, w, comm);
  step.adjoint = whole_tensor(step.summary.q, layout, w, comm);
  return step;
}

}  // namespace lift
