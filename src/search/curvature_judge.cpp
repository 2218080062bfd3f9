#include "src/search/curvature_judge.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "solvers/shard_algebra.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/curvature.hpp"
#include "src/search/probes.hpp"
#include "src/search/sharded.hpp"

namespace lift {
namespace {

constexpr std::uint64_t kFirst = 100;  ///< of the stream's sequences, behind the self-check's own

}  // namespace

CurvatureJudge::CurvatureJudge(const Round& round, const CurvatureOptions& options,
                               const SearchObserver& observer)
    : round_(round),
      options_(options),
      philox_(round.options.seed, RandomStream::self_check),
      gradient_(training_gradient()),
      operators_(round, gradient_,
                 [&options, &observer](std::int64_t done) {
                   report(observer, "curvature", done, options.max_products);
                 }),
      doubled_(round.options),
      wide_round_{round.state, doubled_, round.number, round.gradient_sequences, round.hessian_sequences,
                  round.masked} {
  if (round.options.products.kind == ProductKind::exact) return;
  doubled_.products.step = 2 * difference_step(round.options, round.tuned().flat());
  wide_.emplace(wide_round_, gradient_);
}

std::int64_t CurvatureJudge::products() const {
  return operators_.products() + (wide_ ? wide_->products() : 0);
}

std::vector<double> CurvatureJudge::start(const CoordinateRange& range) {
  const auto& w = round_.tuned().flat();
  at::Tensor noise = random_unit_vector(philox_, kFirst + drawn_++, w.numel(), at::kDouble, at::kCPU);
  mask(noise, round_.masked);
  auto shard = shard_of(noise, operators_.layout(), comm().rank());
  restrict_to(range, shard);
  return shard;
}

Definiteness CurvatureJudge::judge(const CoordinateRange& range, double noise, std::int64_t products) {
  const SymmetricOperator h = [&](std::span<const double> x, std::span<double> y) {
    operators_.h22()(x, y);
    restrict_to(range, y);
  };
  Definiteness found = check_definite(h, start(range), operators_.layout(), comm(), noise,
                                      {.max_products = products - (wide_ ? 1 : 0),
                                       .basis = options_.basis,
                                       .tol = options_.tol,
                                       .failure = options_.failure});
  if (!wide_ || failed(found.least.status)) return found;
  // An error that is linear in the step doubles with it, one that is quadratic quadruples.
  std::vector<double> product(found.least.vector.size());
  wide_->h22()(found.least.vector, product);
  const double moved = std::fabs(dot(found.least.vector, product, comm()) - found.least.value);
  const bool forward = round_.options.products.kind == ProductKind::forward;
  found.least.ritz_values.clear();  // nor was it measured along the vectors that they are of
  return judge_definite(std::move(found.least), noise + (forward ? 2 : 1) * moved, options_.failure);
}

Definiteness CurvatureJudge::judge_as_whole(EigenSummary least, std::vector<double> v, double noise) {
  std::vector<double> product(v.size());
  operators_.h22()(v, product);
  least.status = EigenStatus::stalled;
  least.value = dot(v, product, comm());
  axpy(-least.value, v, product);
  least.residual = norm2(product, comm());
  least.vector = std::move(v);
  least.products += 1;
  return judge_definite(std::move(least), noise, options_.failure);
}

at::Tensor CurvatureJudge::training_gradient() const {
  if (round_.options.products.kind != ProductKind::forward) return {};
  const SearchState& state = round_.state;
  return mean_gradient(state.objective, state.train, round_.hessian_sequences, state.comm).gradient;
}

/// Sets what lies outside of `range` to 0.
void CurvatureJudge::restrict_to(const CoordinateRange& range, std::span<double> shard) const {
  const std::int64_t first = operators_.layout().begin(comm().rank());
  for (std::size_t k = 0; k < shard.size(); ++k) {
    const std::int64_t coordinate = first + static_cast<std::int64_t>(k);
    if (coordinate < range.begin || coordinate >= range.end) shard[k] = 0;
  }
}

}  // namespace lift
