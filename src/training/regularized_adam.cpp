#include "src/training/regularized_adam.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "mpi/error.hpp"
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

std::vector<RegularizedRange> regularized_ranges(const TunedLayout& layout, std::span<const double> lambda) {
  std::vector<RegularizedRange> ranges;
  for (const auto& tensor : layout.tensors())
    if (tensor.group >= 0)
      ranges.push_back({tensor.offset, tensor.size, lambda[static_cast<std::size_t>(tensor.group)]});
  return ranges;
}

std::vector<Segment> cover(std::span<const RegularizedRange> ranges, std::int64_t n) {
  std::vector<RegularizedRange> ordered(ranges.begin(), ranges.end());
  std::ranges::sort(ordered, {}, &RegularizedRange::offset);
  std::vector<Segment> segments;
  std::int64_t end = 0;
  for (const auto& range : ordered) {
    if (range.size < 0 || range.offset < end || range.offset + range.size > n)
      throw Error(ExitCode::internal,
                  fmt::format("regularised coordinates {} … {} overlap others or are not in 0 … {}",
                              range.offset, range.offset + range.size - 1, n - 1));
    if (range.size == 0) continue;
    if (range.offset > end) segments.push_back({range.offset, 0.0});
    end = range.offset + range.size;
    segments.push_back({end, 2 * range.lambda});
  }
  if (end < n) segments.push_back({n, 0.0});
  return segments;
}

RegularizedAdam::RegularizedAdam(const at::Tensor& w, std::span<const RegularizedRange> ranges,
                                 at::Tensor center, Adam::Options options)
    : ranges_(ranges.begin(), ranges.end()),
      center_(std::move(center)),
      options_(options),
      adam_(w, options) {
  auto segments = cover(ranges, w.numel());
  if (!has_kernels(w)) return;
  if (center_.defined()) center_ = center_.contiguous();
  segment_count_ = static_cast<int>(segments.size());
  const auto bytes = static_cast<std::int64_t>(segments.size() * sizeof(Segment));
  segments_ = at::from_blob(segments.data(), {bytes}, at::kByte).to(w.device());
  scratch_ = at::empty({kAdamScratch}, w.options().dtype(at::kDouble));
}

double RegularizedAdam::step(at::Tensor& w, at::Tensor& gradient, double rate, double clip) {
  const c10::NoGradGuard no_graph;
  if (has_kernels(w) && has_kernels(gradient)) return step_by_kernels(w, gradient, rate, clip);
  for (const auto& [offset, size, lambda] : ranges_) {
    const auto here = w.narrow(0, offset, size);
    const auto distance = center_.defined() ? here - center_.narrow(0, offset, size) : here;
    gradient.narrow(0, offset, size).add_(distance, 2 * lambda);
  }
  const double norm = clip_norm(gradient, clip);
  if (!std::isfinite(norm)) return norm;
  adam_.step(w, gradient, rate);
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
