#include "src/training/regularized_adam.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <utility>

#include "src/objective/kernel_call.hpp"
#include "src/training/adam_kernels.hpp"

namespace lift {

namespace {

/// The values of `tensor` in device memory, null for an undefined one.
template <typename Real>
Real* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<Real>() : nullptr;
}

}  // namespace

std::vector<Segment> segments_of(const TunedLayout& layout, std::span<const double> lambda) {
  std::vector<Segment> segments;
  for (const auto& tensor : layout.tensors()) {
    const double weight = tensor.group < 0 ? 0.0 : 2 * lambda[static_cast<std::size_t>(tensor.group)];
    if (segments.empty() || segments.back().weight != weight) segments.push_back({0, weight});
    segments.back().end = tensor.offset + tensor.size;
  }
  return segments;
}

RegularizedAdam::RegularizedAdam(const at::Tensor& w, Regularizer regularizer, std::span<const double> lambda,
                                 Adam::Options options)
    : regularizer_(std::move(regularizer)),
      lambda_(lambda.begin(), lambda.end()),
      options_(options),
      adam_(w, options) {
  if (!has_kernels(w)) return;
  if (regularizer_.center().defined()) center_ = regularizer_.center().contiguous();
  auto segments = segments_of(regularizer_.layout(), lambda_);
  segment_count_ = static_cast<int>(segments.size());
  const auto bytes = static_cast<std::int64_t>(segments.size() * sizeof(Segment));
  segments_ = at::from_blob(segments.data(), {bytes}, at::kByte).to(w.device());
  scratch_ = at::empty({kAdamScratch}, w.options().dtype(at::kDouble));
}

double RegularizedAdam::step(at::Tensor& w, at::Tensor& gradient, double rate, double clip) {
  const c10::NoGradGuard no_graph;
  if (has_kernels(w) && has_kernels(gradient)) return step_by_kernels(w, gradient, rate, clip);
  regularizer_.add_gradient(lambda_, w, gradient);
  const double norm = clip_norm(gradient, clip);
  if (std::isfinite(norm)) adam_.step(w, gradient, rate);
  return norm;
}

double RegularizedAdam::step_by_kernels(at::Tensor& w, const at::Tensor& gradient, double rate, double clip) {
  const auto& [first, second] = adam_.moments();
  launch_kernels(w, [&]<typename Real>(Real, void* stream) {
    const AdamVectors<Real> vectors{w.numel(),        data_of<Real>(gradient), data_of<Real>(center_),
                                    data_of<Real>(w), data_of<Real>(first),    data_of<Real>(second)};
    const Segments segments{static_cast<const Segment*>(segments_.const_data_ptr()), segment_count_};
    const AdamStep<Real> adam(options_.beta1, options_.beta2, options_.epsilon, rate, adam_.steps() + 1);
    adam_step_on_device(vectors, segments, adam, clip, scratch_.data_ptr<double>(), stream);
  });
  w.unsafeGetTensorImpl()->bump_version();  // as ATen does: no graph may still need the old W
  const double norm = scratch_[0].item().toDouble();
  if (std::isfinite(norm)) adam_.count_step();
  return norm;
}

}  // namespace lift
