#include "src/search/radius.hpp"

#include <ATen/ops/empty_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/search/probes.hpp"
#include "src/training/vectors.hpp"

namespace lift {
namespace {

/// RMS(all) is what a tensor of zeros, such as a fresh bias, is measured by, at this fraction.
constexpr double kFloor = 0.1;
/// λ changes by this factor a round at most.
constexpr double kLambdaFactor = 4;
/// Of the scale of dλ: at this a λ_i in linear space has come to 0, but for the rounding of the step.
constexpr double kVanished = 1e-12;

/// The shard [begin, end) of a vector that is filled range by range.
class Shard {
 public:
  Shard(std::int64_t begin, std::int64_t end)
      : begin_(begin), end_(end), values_(static_cast<std::size_t>(end - begin)) {}

  void fill(std::int64_t first, std::int64_t last, double value) {
    const std::int64_t from = std::clamp(first, begin_, end_) - begin_;
    const std::int64_t to = std::clamp(last, begin_, end_) - begin_;
    std::fill(values_.begin() + from, values_.begin() + to, value);
  }
  [[nodiscard]] std::vector<double> take() { return std::move(values_); }

 private:
  std::int64_t begin_;
  std::int64_t end_;
  std::vector<double> values_;
};

/// How many of a tensor's coordinates have a box.
std::int64_t boxed(const TunedTensor& tensor, const std::vector<CoordinateRange>& masked) {
  std::int64_t count = tensor.size;
  for (const auto& range : masked) {
    if (range.begin >= tensor.offset && range.end <= tensor.offset + tensor.size)
      count -= range.end - range.begin;
  }
  return count;
}

/// n without the masked coordinates.
std::int64_t boxed_coordinates(const TunedLayout& layout) {
  std::int64_t count = layout.n();
  for (const auto& range : key_biases(layout)) count -= range.end - range.begin;
  return count;
}

/// What the bounds of dW are multiplied with for a region.
double weight_scale(const TunedLayout& layout, TrustRegion region) {
  return bounds_weights_by_a_ball(region) ? std::sqrt(static_cast<double>(boxed_coordinates(layout))) : 1.0;
}

/// ρ_k of every tuned tensor, measured on its coordinates that have a box: Adam moves key biases by the
/// rounding noise of their gradients, scaled up to its learning rate, which would make ρ differ between rank
/// counts.
std::vector<double> tensor_radii(const TunedParameters& tuned, const RadiusOptions& options) {
  const auto& tensors = tuned.layout().tensors();
  std::vector<double> radii(tensors.size(), options.rho);
  if (options.unit == RadiusUnit::absolute) return radii;
  const auto masked = key_biases(tuned.layout());
  if (options.unit == RadiusUnit::norm) {
    std::fill(radii.begin(), radii.end(),
              options.rho / std::sqrt(static_cast<double>(boxed_coordinates(tuned.layout()))));
    return radii;
  }
  at::Tensor w = tuned.flat().clone();
  mask(w, masked);
  double all_squares = 0;
  std::int64_t all_boxed = 0;
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const double norm = norm64(w.narrow(0, tensors[k].offset, tensors[k].size));
    const std::int64_t count = boxed(tensors[k], masked);
    all_squares += norm * norm;
    all_boxed += count;
    radii[k] = norm / std::sqrt(static_cast<double>(count));
  }
  const double floor = kFloor * std::sqrt(all_squares / static_cast<double>(all_boxed));
  for (auto& radius : radii) radius = options.rho * std::max(radius, floor);
  return radii;
}

}  // namespace

bool bounds_weights_by_a_ball(TrustRegion region) noexcept {
  return region == TrustRegion::ball || region == TrustRegion::two_balls || region == TrustRegion::box_ball;
}

bool bounds_lambda_by_a_ball(TrustRegion region) noexcept {
  return region == TrustRegion::ball || region == TrustRegion::two_balls;
}

std::string RadiusOptions::violation() const {
  if (!(rho > 0) || !std::isfinite(rho)) return fmt::format("rho = {} violates 0 < rho < ∞", rho);
  if (lambda_scale && (!(*lambda_scale >= 0) || !std::isfinite(*lambda_scale))) {
    return fmt::format("lambda_scale = {} violates 0 ≤ lambda_scale < ∞", *lambda_scale);
  }
  return "";
}

std::vector<double> lambda_bounds(const RadiusOptions& options, std::span<const double> lambda) {
  const bool linear = options.space == LambdaSpace::linear;
  if (linear && !options.lambda_scale) return {lambda.begin(), lambda.end()};
  const double scale = options.lambda_scale.value_or(std::log(kLambdaFactor));
  std::vector<double> bounds(lambda.size(), scale);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (linear && lambda[i] <= kVanished * scale) bounds[i] = 0;
  }
  return bounds;
}

std::vector<double> program_bounds(const TunedParameters& tuned, std::span<const double> lambda,
                                   const RadiusOptions& options, TrustRegion region, const ShardMap& layout,
                                   int rank) {
  const std::int64_t p = tuned.layout().p();
  const auto radii = tensor_radii(tuned, options);
  const double scale = weight_scale(tuned.layout(), region);
  const auto& tensors = tuned.layout().tensors();
  Shard shard(layout.begin(rank), layout.end(rank));
  const auto s = lambda_bounds(options, lambda);
  for (std::int64_t i = 0; i < p; ++i) shard.fill(i, i + 1, s.at(static_cast<std::size_t>(i)));
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    shard.fill(p + tensors[k].offset, p + tensors[k].offset + tensors[k].size, scale * radii[k]);
  }
  for (const auto& range : key_biases(tuned.layout())) shard.fill(p + range.begin, p + range.end, 0.0);
  return shard.take();
}

at::Tensor weight_bounds(const TunedParameters& tuned, const RadiusOptions& options, TrustRegion region) {
  const auto radii = tensor_radii(tuned, options);
  const double scale = weight_scale(tuned.layout(), region);
  at::Tensor bounds = at::empty_like(tuned.flat());
  for (std::size_t k = 0; k < radii.size(); ++k) tuned.view(bounds, k).fill_(scale * radii[k]);
  mask(bounds, key_biases(tuned.layout()));
  return bounds;
}

double next_radius(double rho, double t_star) noexcept {
  return rho * std::clamp(t_star, 0.25, 4.0);
}

}  // namespace lift
