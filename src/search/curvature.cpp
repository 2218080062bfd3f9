#include "src/search/curvature.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "mpi/agreement.hpp"
#include "mpi/fault.hpp"
#include "src/objective/distributed.hpp"
#include "src/resume/made_once.hpp"
#include "src/search/saved_weights.hpp"
#include "src/search/sharded.hpp"
#include "src/training/vectors.hpp"

namespace lift {

double difference_step(const SearchOptions& options, const at::Tensor& w) {
  if (options.products.step > 0) return options.products.step;
  const double epsilon = w.scalar_type() == at::kDouble ? 0x1p-52 : 0x1p-23;
  const double norm = norm64(w);
  const double scale = norm > 0 ? norm : 1.0;
  return options.products.kind == ProductKind::forward ? 0.4 * std::sqrt(epsilon) * scale
                                                       : 0.3 * std::cbrt(epsilon) * scale;
}

LocalCurvature::LocalCurvature(const Round& round, std::span<const std::int64_t> sequences, at::Tensor base)
    : round_(round), sequences_(sequences), base_(std::move(base)) {}

std::vector<at::Tensor> LocalCurvature::products(std::span<const at::Tensor> v) {
  const Objective& objective = round_.state.objective;
  std::vector<at::Tensor> products;
  for (const at::Tensor& direction : v) products.push_back(at::zeros_like(direction));
  switch (round_.options.products.kind) {
    case ProductKind::exact:
      objective.add_hessian_vectors(round_.state.train, sequences_, v, products);
      break;
    case ProductKind::gauss_newton:
      objective.add_gauss_newton_vectors(round_.state.train, sequences_, v, products);
      break;
    case ProductKind::identity:
      for (std::size_t j = 0; j < v.size(); ++j)
        products[j].add_(v[j], static_cast<double>(sequences_.size()));
      break;
    case ProductKind::forward:
    case ProductKind::central:
      add_differences(v, products);
      break;
  }
  return products;
}

at::Tensor LocalCurvature::gradient_sum() const {
  at::Tensor sum = at::zeros_like(round_.tuned().flat());
  round_.state.objective.add_gradient(round_.state.train, sequences_, sum);
  return sum;
}

void LocalCurvature::add_differences(std::span<const at::Tensor> v, std::span<at::Tensor> products) {
  const bool forward = round_.options.products.kind == ProductKind::forward;
  SavedWeights weights(round_.tuned().flat());
  const double step = difference_step(round_.options, weights.start());
  const auto count = static_cast<double>(sequences_.size());
  for (std::size_t j = 0; j < v.size(); ++j) {
    weights.step(v[j], step);
    products[j].copy_(gradient_sum());
    if (!forward) weights.step(v[j], -step);
    if (forward) {
      products[j].sub_(base_, count);
    } else {
      products[j].sub_(gradient_sum());
    }
    products[j].div_(forward ? step : 2 * step);
    weights.restore();
  }
}

namespace {

using Shards = std::span<const std::span<const double>>;

/// Means of ∇²L_t v over the round's sequences, unless they were made before the run was left: one after the
/// other in one tensor.
std::vector<at::Tensor> products_once(const Round& round, LocalCurvature& curvature,
                                      const std::vector<at::Tensor>& v) {
  const SearchState& state = round.state;
  std::vector<at::Tensor> inputs = v;
  inputs.push_back(round.tuned().flat());
  const auto label = fmt::format("{} products of kind {}, step {:a}, sequences {}", v.size(),
                                 static_cast<int>(round.options.products.kind), round.options.products.step,
                                 fmt::join(round.hessian_sequences, ","));
  const Made made = made_once(state.checkpoints, label, inputs, state.objective, [&] {
    std::vector<at::Tensor> products;
    agree(state.comm, [&] {
      fault_point("implicit");
      products = curvature.products(v);
    });
    for (at::Tensor& product : products) {
      sum_over_ranks(product, state.comm);
      product.div_(static_cast<double>(round.hessian_sequences.size()));
    }
    return Made{{}, products.size() == 1 ? products.front() : at::cat(products)};
  });
  return made.tensor.split(made.tensor.numel() / std::ssize(v));
}

/// H22 x of the whole vectors of at most kProbesPerGraph shards.
std::vector<WholeProduct> whole_products(const Round& round, const ShardMap& layout,
                                         LocalCurvature& curvature, Shards x) {
  const SearchState& state = round.state;
  std::vector<WholeProduct> found;
  std::vector<at::Tensor> units;
  std::vector<double> norms;
  for (const auto& shard : x) {
    auto v = whole_tensor(shard, layout, round.tuned().flat(), state.comm);
    mask(v, round.masked);
    norms.push_back(norm64(v));
    // Finite differences are of unit vectors.
    units.push_back(norms.back() > 0 ? v / norms.back() : v);
    found.push_back({v, {}});
  }
  const auto products = products_once(round, curvature, units);
  for (std::size_t j = 0; j < found.size(); ++j) {
    at::Tensor product = products[j];
    state.regularizer.add_hessian_vector(state.lambda, units[j], product);
    mask(product, round.masked);
    found[j].product = product.mul_(norms[j]);
  }
  agree(state.comm, [&] {
    for (const auto& pair : found)
      if (!std::isfinite(norm64(pair.product)))
        throw Error(ExitCode::numerical,
                    fmt::format("a Hessian-vector product of round {} is not finite", round.number + 1));
  });
  return found;
}

}  // namespace

BlockOperator hessian_block(const Round& round, const ShardMap& layout, LocalCurvature& curvature) {
  return [&](Shards x, std::span<const std::span<double>> y) {
    for (std::size_t first = 0; first < x.size(); first += kProbesPerGraph) {
      const auto count = std::min<std::size_t>(kProbesPerGraph, x.size() - first);
      const auto found = whole_products(round, layout, curvature, x.subspan(first, count));
      for (std::size_t j = 0; j < count; ++j)
        std::ranges::copy(shard_of(found[j].product, layout, round.state.comm.rank()), y[first + j].begin());
    }
  };
}

SymmetricOperator hessian_operator(const Round& round, const ShardMap& layout, LocalCurvature& curvature,
                                   WholeProduct& last) {
  return [&](std::span<const double> x, std::span<double> y) {
    last = std::move(whole_products(round, layout, curvature, {&x, 1}).front());
    std::ranges::copy(shard_of(last.product, layout, round.state.comm.rank()), y.begin());
  };
}

}  // namespace lift
