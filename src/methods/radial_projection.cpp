#include "src/methods/radial_projection.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/error.hpp"

namespace lift {
namespace {

constexpr double kEpsilon = 1e-8;
/// Coordinates that are added up at a time.
constexpr std::int64_t kStretch = std::int64_t{1} << 22;

bool active(double norm, double radius) {
  return radius < norm + kEpsilon;
}

bool excludes(const std::string& exclusion, const TunedTensor& tensor) {
  return !exclusion.empty() && tensor.name.ends_with(exclusion);
}

void check_exclusions(const std::vector<TunedTensor>& tensors, const std::vector<std::string>& excluded) {
  for (const std::string& exclusion : excluded) {
    if (std::ranges::none_of(tensors, [&](const TunedTensor& tensor) { return excludes(exclusion, tensor); }))
      throw Error(
          ExitCode::usage,
          fmt::format("'{}' is to be excluded from the projection, but no tuned tensor's name is that "
                      "or ends in it",
                      exclusion));
  }
}

}  // namespace

int row_dimension(const TunedTensor& tensor) {
  for (const char* ending : {"wte.weight", "wpe.weight", ".lora_A", ".lora_B"})
    if (tensor.name.ends_with(ending)) return 0;
  return 1;
}

RadialProjection::RadialProjection(const std::vector<TunedTensor>& tensors, RadialNorm norm,
                                   const std::vector<std::string>& excluded)
    : norm_(norm) {
  check_exclusions(tensors, excluded);
  for (const TunedTensor& tensor : tensors) {
    if (std::ranges::any_of(excluded, [&](const auto& name) { return excludes(name, tensor); })) continue;
    tensors_.push_back(tensor);
    rows_.push_back(rows_in(tensor));
    row_count_ += rows_.back().count();
  }
}

RadialProjection::Rows RadialProjection::rows_in(const TunedTensor& tensor) const {
  if (norm_ == RadialNorm::l2 || tensor.shape.size() < 2) return {1, tensor.size, 0, row_count_};
  const std::int64_t height = tensor.shape.front();
  return {height, tensor.size / height, row_dimension(tensor), row_count_};
}

std::span<const double> RadialProjection::rows_of(std::span<const double> values, std::size_t k) const {
  return values.subspan(static_cast<std::size_t>(rows_[k].first), static_cast<std::size_t>(rows_[k].count()));
}

at::Tensor RadialProjection::matrix(const at::Tensor& flat, std::size_t k) const {
  return flat.narrow(0, tensors_[k].offset, tensors_[k].size).view({rows_[k].height, rows_[k].width});
}

std::vector<double> RadialProjection::row_sums(
    const at::Tensor& like, const std::function<at::Tensor(const Part& part)>& terms) const {
  const c10::NoGradGuard no_graph;
  const at::Tensor sums = at::zeros({row_count_}, like.options().dtype(at::kDouble));
  for (std::size_t k = 0; k < tensors_.size(); ++k) {
    const Rows& rows = rows_[k];
    const int along = 1 - rows.dimension;
    const std::int64_t length = along == 0 ? rows.height : rows.width;
    const std::int64_t step = std::max<std::int64_t>(1, kStretch / rows.count());
    at::Tensor of_rows = sums.narrow(0, rows.first, rows.count());
    for (std::int64_t begin = 0; begin < length; begin += step) {
      const std::int64_t size = std::min(step, length - begin);
      const Part part = [&](const at::Tensor& flat) {
        return matrix(flat, k).narrow(along, begin, size).to(at::kDouble);
      };
      of_rows.add_(terms(part).sum(along));
    }
  }
  const at::Tensor host = sums.to(at::kCPU);
  const auto* first = host.const_data_ptr<double>();
  return {first, first + row_count_};
}

std::vector<double> RadialProjection::norms(const at::Tensor& theta, const at::Tensor& start) const {
  auto result = row_sums(theta, [&](const Part& part) {
    const at::Tensor distance = start.defined() ? part(theta) - part(start) : part(theta);
    return norm_ == RadialNorm::l2 ? distance.square() : distance.abs();
  });
  if (norm_ == RadialNorm::l2)
    for (double& norm : result) norm = std::sqrt(norm);
  return result;
}

std::vector<double> RadialProjection::products(const at::Tensor& gradient, const at::Tensor& theta,
                                               const at::Tensor& start) const {
  return row_sums(theta, [&](const Part& part) { return (part(theta) - part(start)).mul_(part(gradient)); });
}

std::vector<double> RadialProjection::largest(std::span<const double> norms) const {
  std::vector<double> result;
  for (std::size_t k = 0; k < tensors_.size(); ++k) result.push_back(std::ranges::max(rows_of(norms, k)));
  return result;
}

std::vector<double> RadialProjection::initial_radii(std::span<const double> norms) const {
  std::vector<double> result = largest(norms);
  for (std::size_t k = 0; k < tensors_.size(); ++k) {
    for (const double norm : rows_of(norms, k))
      if (norm > 0) result[k] = std::min(result[k], norm);
    result[k] /= 2;
  }
  return result;
}

std::vector<double> RadialProjection::factors(std::span<const double> norms,
                                              std::span<const double> radii) const {
  std::vector<double> result;
  for (std::size_t k = 0; k < tensors_.size(); ++k)
    for (const double norm : rows_of(norms, k))
      result.push_back(active(norm, radii[k]) ? radii[k] / (norm + kEpsilon) : 1.0);
  return result;
}

std::vector<double> RadialProjection::radius_gradient(std::span<const double> products,
                                                      std::span<const double> norms,
                                                      std::span<const double> radii, RadiusRows rows) const {
  std::vector<double> result(tensors_.size(), 0.0);
  for (std::size_t k = 0; k < tensors_.size(); ++k) {
    const auto norm = rows_of(norms, k), product = rows_of(products, k);
    for (std::size_t r = 0; r < norm.size(); ++r)
      if (rows == RadiusRows::all || active(norm[r], radii[k]))
        result[k] += product[r] / (norm[r] + kEpsilon);
  }
  return result;
}

void RadialProjection::project(at::Tensor& out, const at::Tensor& theta, const at::Tensor& start,
                               std::span<const double> norms, std::span<const double> radii) const {
  const c10::NoGradGuard no_graph;
  if (!out.is_same(theta)) out.copy_(theta);
  std::vector<double> factors = this->factors(norms, radii);
  const at::Tensor weights =
      at::from_blob(factors.data(), {row_count_}, at::kDouble).to(theta.device(), theta.scalar_type());
  for (std::size_t k = 0; k < tensors_.size(); ++k) {
    if (std::ranges::min(rows_of(factors, k)) == 1) continue;
    // lerp gives its end to the last bit at weight 1, and its start at weight 0.
    at::Tensor target = matrix(out, k);
    const at::Tensor weight = weights.narrow(0, rows_[k].first, rows_[k].count());
    at::lerp_out(target, matrix(start, k), target, weight.unsqueeze(1 - rows_[k].dimension));
  }
}

}  // namespace lift
