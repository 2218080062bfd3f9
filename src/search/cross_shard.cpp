#include "src/search/cross_shard.hpp"

#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "solvers/shard_algebra.hpp"
#include "src/search/sharded.hpp"

namespace lift {

CrossShard::CrossShard(const Round& round, const ShardMap& layout) {
  const int rank = round.state.comm.rank();
  at::Tensor columns = at::zeros_like(round.tuned().flat());
  round.state.regularizer.add_cross(round.lambda_scales(), round.tuned().flat(), columns);
  mask(columns, round.masked);
  columns_ = shard_of(columns, layout, rank);
  const std::int64_t first = layout.begin(rank), last = layout.end(rank);
  for (const TunedTensor& tensor : round.tuned().layout().tensors()) {
    const std::int64_t begin = std::clamp(tensor.offset, first, last) - first;
    const std::int64_t end = std::clamp(tensor.offset + tensor.size, first, last) - first;
    if (tensor.group < 0 || begin >= end) continue;
    runs_.push_back({static_cast<std::size_t>(begin), static_cast<std::size_t>(end),
                     static_cast<std::size_t>(tensor.group)});
  }
}

void CrossShard::apply(std::span<const double> x, std::span<double> out) const {
  std::ranges::fill(out, 0.0);
  for (const Run& run : runs_) {
    for (std::size_t k = run.begin; k < run.end; ++k) out[k] = columns_[k] * x[run.group];
  }
}

void CrossShard::apply_transposed(std::span<const double> in, std::span<double> x) const {
  std::ranges::fill(x, 0.0);
  for (const Run& run : runs_) {
    for (std::size_t k = run.begin; k < run.end; ++k) x[run.group] += columns_[k] * in[k];
  }
}

void CrossShard::add_by_group(std::span<const double> x, std::span<const double> in,
                              std::span<double> out) const {
  for (const Run& run : runs_) {
    for (std::size_t k = run.begin; k < run.end; ++k) out[k] += x[run.group] * in[k];
  }
}

void CrossShard::add_products(std::span<const double> a, std::span<const double> b,
                              std::span<double> x) const {
  for (const Run& run : runs_)
    x[run.group] += dot(a.subspan(run.begin, run.end - run.begin), b.subspan(run.begin, run.end - run.begin));
}

}  // namespace lift
