#include "solvers/pivoted_qr.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "solvers/shard_algebra.hpp"

namespace lift {

PivotedQr::PivotedQr(std::vector<double> columns, std::size_t length)
    : length_(length),
      count_(length == 0 ? 0 : columns.size() / length),
      columns_(std::move(columns)),
      order_(count_) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  double longest = 0;
  for (std::size_t step = 0; step < std::min(length_, count_); ++step) {
    bring_longest(step);
    const double left = length_left(step);
    longest = std::max(longest, left);
    if (!(left > kDependent * longest)) break;
    eliminate(step, left);
  }
}

/// What the present step finds of the column that stands at j.
double PivotedQr::length_left(std::size_t j) const {
  const auto rest = column(j).subspan(rank());
  return std::sqrt(dot(rest, rest));
}

void PivotedQr::bring_longest(std::size_t step) {
  std::size_t longest = step;
  double length = length_left(step);
  for (std::size_t j = step + 1; j < count_; ++j) {
    const double other = length_left(j);
    if (other > length) longest = j;
    length = std::max(length, other);
  }
  if (longest == step) return;
  std::swap(order_[step], order_[longest]);
  std::swap_ranges(column(step).begin(), column(step).end(), column(longest).begin());
}

void PivotedQr::eliminate(std::size_t step, double length) {
  const auto h = column(step).subspan(step);
  const double first = h[0], image = first > 0 ? -length : length;
  // h ← √2 (h − image e)/‖h − image e‖; the squared norm is 2 length (length + |first|).
  h[0] -= image;
  scale(1 / std::sqrt(length * (length + std::fabs(first))), h);
  diagonal_.push_back(image);
  for (std::size_t j = step + 1; j < count_; ++j) reflect(step, column(j));
}

void PivotedQr::reflect(std::size_t step, std::span<double> v) const {
  const auto h = column(step).subspan(step);
  axpy(-dot(h, v.subspan(step)), h, v.subspan(step));
}

std::vector<double> PivotedQr::null_basis() const {
  std::vector<double> basis((length_ - rank()) * length_, 0.0);
  for (std::size_t j = 0; j < length_ - rank(); ++j) {
    const auto v = std::span(basis).subspan(j * length_, length_);
    v[rank() + j] = 1;
    for (std::size_t step = rank(); step-- > 0;) reflect(step, v);
  }
  return basis;
}

std::vector<double> PivotedQr::solve(std::span<const double> b) const {
  std::vector<double> rest(b.begin(), b.end()), x(count_, 0.0);
  for (std::size_t step = 0; step < rank(); ++step) reflect(step, rest);
  for (std::size_t i = rank(); i-- > 0;) {
    double sum = rest[i];
    for (std::size_t j = i + 1; j < rank(); ++j) sum -= column(j)[i] * x[order_[j]];
    x[order_[i]] = sum / diagonal_[i];
  }
  return x;
}

}  // namespace lift
