#include "src/methods/weight_problems.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <set>

#include "mpi/error.hpp"
#include "src/methods/exchanged_values.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/radius.hpp"

namespace lift {
namespace {

/// The warm-up counts its epochs from 0, correctors from 2^40; those of draws stay apart from both.
constexpr std::int64_t kFirstEpoch = std::int64_t{1} << 41;

/// Where f and g take their batches, and what they share.
struct Sources {
  Sources(const WeightData& from, std::span<const double> of_lambda)
      : data(from),
        lambda(of_lambda.begin(), of_lambda.end()),
        upper(from.seed, from.upper.size(), from.batch),
        lower(from.seed, from.lower.size(), from.batch) {}
  WeightData data;
  std::vector<double> lambda;
  DrawnBatches upper, lower;

  [[nodiscard]] at::Tensor w() const { return data.objective.tuned().flat(); }
};

double penalty(const Sources& sources, std::span<const double> lambda) {
  const auto squares = sources.data.regularizer.values(sources.w());
  return std::inner_product(squares.begin(), squares.end(), lambda.begin(), 0.0);
}

/// The value and the partial gradients that are asked for of a mean loss at W, without the regulariser.
Partials loss_partials(const Sources& sources, const SequenceSet& set, const std::vector<std::int64_t>& batch,
                       TensorRange upper, TensorRange lower, Partial which) {
  const WeightData& data = sources.data;
  if (which == Partial::none) return {.value = mean_loss(data.objective, set, batch, data.comm)};
  if (which != Partial::both) {
    const TensorRange part = which == Partial::x ? upper : lower;
    auto found = mean_part_gradient(data.objective, set, batch, part, data.comm);
    Partials partials{.value = found.loss};
    (which == Partial::x ? partials.x : partials.y) = found.gradient;
    return partials;
  }
  const auto found = mean_gradient(data.objective, set, batch, data.comm);
  const CoordinateSpan of_y = data.objective.tuned().layout().coordinates(lower);
  return {.value = found.loss,
          .x = found.gradient.narrow(0, 0, of_y.offset),
          .y = found.gradient.narrow(0, of_y.offset, of_y.size)};
}

}  // namespace

std::vector<std::int64_t> DrawnBatches::operator[](std::int64_t draw) const {
  const std::int64_t per_epoch = order_.batches_per_epoch();
  return order_.batch(kFirstEpoch + draw / per_epoch, draw % per_epoch);
}

TensorRange last_blocks(const TunedLayout& layout, int blocks) {
  const auto& tensors = layout.tensors();
  std::set<int> tuned;
  std::size_t first = tensors.size();
  for (std::size_t k = tensors.size(); k-- > 0;) {
    tuned.insert(tensors[k].block);
    if (std::ssize(tuned) <= blocks) first = k;
  }
  if (blocks < 1 || blocks >= std::ssize(tuned))
    throw Error(
        ExitCode::usage,
        fmt::format("--penalty.lower-blocks {}: expected at least 1 and fewer than the {} tuned blocks, the "
                    "others of which are the upper variable",
                    blocks, tuned.size()));
  return {first, tensors.size()};
}

SplitWeights split_weights(const WeightData& data, std::span<const double> lambda, int lower_blocks) {
  const TunedLayout& layout = data.objective.tuned().layout();
  const TensorRange lower = last_blocks(layout, lower_blocks), upper{0, lower.first};
  const CoordinateSpan of_y = layout.coordinates(lower);
  const at::Tensor& w = data.objective.tuned().flat();
  SplitWeights weights{.upper = upper,
                       .lower = lower,
                       .x = w.narrow(0, 0, of_y.offset),
                       .y = w.narrow(0, of_y.offset, of_y.size),
                       .problem = {}};
  const auto sources = std::make_shared<const Sources>(data, lambda);
  const at::Tensor own_x = weights.x, own_y = weights.y;
  weights.problem.upper = [=](const at::Tensor& x, const at::Tensor& y, Partial which, std::int64_t draw) {
    const ExchangedValues in_x(own_x, x), in_y(own_y, y);
    return loss_partials(*sources, sources->data.upper, sources->upper[draw], upper, lower, which);
  };
  weights.problem.lower = [=](const at::Tensor& x, const at::Tensor& y, Partial which, std::int64_t draw) {
    const ExchangedValues in_x(own_x, x), in_y(own_y, y);
    Partials found = loss_partials(*sources, sources->data.lower, sources->lower[draw], upper, lower, which);
    const Regularizer& regularizer = sources->data.regularizer;
    found.value += penalty(*sources, sources->lambda);
    if (found.x.defined()) regularizer.add_part_gradient(sources->lambda, sources->w(), upper, found.x);
    if (found.y.defined()) regularizer.add_part_gradient(sources->lambda, sources->w(), lower, found.y);
    return found;
  };
  return weights;
}

RegularizedWeights regularized_weights(const WeightData& data, std::span<const double> lambda) {
  RegularizedWeights weights{
      .x = at::empty({std::ssize(lambda)}, at::kDouble), .y = data.objective.tuned().flat(), .problem = {}};
  double* x = weights.x.data_ptr<double>();
  for (std::size_t i = 0; i < lambda.size(); ++i) x[i] = std::log(std::max(lambda[i], kLambdaFloor));
  const auto sources = std::make_shared<const Sources>(data, lambda);
  const at::Tensor own = weights.y;
  const TensorRange all = data.objective.tuned().layout().all();
  const double kNone = std::numeric_limits<double>::quiet_NaN();

  weights.problem.upper = [=](const at::Tensor& at_x, const at::Tensor& y, Partial which, std::int64_t draw) {
    Partials found{.value = kNone};
    if (which != Partial::x) {
      const ExchangedValues in_y(own, y);
      const Partial of_y = which == Partial::none ? which : Partial::y;
      found = loss_partials(*sources, sources->data.upper, sources->upper[draw], {}, all, of_y);
    }
    if (wants_x(which)) found.x = at::zeros_like(at_x);
    return found;
  };
  weights.problem.lower = [=](const at::Tensor& at_x, const at::Tensor& y, Partial which, std::int64_t draw) {
    const ExchangedValues in_y(own, y);
    const std::vector<double> at_lambda = lambda_of(at_x);
    const Regularizer& regularizer = sources->data.regularizer;
    Partials found{.value = kNone};
    if (which != Partial::x) {
      const Partial of_y = which == Partial::none ? which : Partial::y;
      found = loss_partials(*sources, sources->data.lower, sources->lower[draw], {}, all, of_y);
      found.value += penalty(*sources, at_lambda);
      if (found.y.defined()) regularizer.add_gradient(at_lambda, own, found.y);
    }
    if (wants_x(which)) {
      found.x = at::zeros_like(at_x);
      const auto squares = regularizer.values(own);
      for (std::size_t i = 0; i < squares.size(); ++i)
        found.x.data_ptr<double>()[i] = at_lambda[i] * squares[i];
    }
    return found;
  };
  weights.problem.project_x = [](at::Tensor& at_x) { at_x.clamp_min_(std::log(kLambdaFloor)); };
  return weights;
}

std::vector<double> lambda_of(const at::Tensor& x) {
  std::vector<double> lambda;
  for (std::int64_t i = 0; i < x.numel(); ++i) lambda.push_back(std::exp(x.const_data_ptr<double>()[i]));
  return lambda;
}

}  // namespace lift
