#include "src/search/sharded.hpp"

#include <ATen/ops/from_blob.h>

#include "mpi/collectives.hpp"

namespace lift {

double from_root(double value, const Communicator& comm) {
  broadcast(host_buffer(std::span(&value, 1)), 0, comm);
  return value;
}

std::vector<double> to_host(const at::Tensor& flat, std::int64_t begin, std::int64_t end) {
  const auto part = flat.narrow(0, begin, end - begin).to(at::kCPU, at::kDouble).contiguous();
  const auto* values = part.const_data_ptr<double>();
  return {values, values + (end - begin)};
}

std::vector<double> shard_of(const at::Tensor& flat, const ShardMap& layout, int rank) {
  return to_host(flat, layout.begin(rank), layout.end(rank));
}

std::vector<double> gathered(std::span<const double> shard, const ShardMap& layout,
                             const Communicator& comm) {
  std::vector<double> whole(static_cast<std::size_t>(layout.total()));
  gather_shards(shard, whole, layout, comm);
  return whole;
}

at::Tensor tensor_of(std::span<const double> values, const at::Tensor& like) {
  // from_blob takes no const pointer; the copy is made before anyone could write.
  return at::from_blob(const_cast<double*>(values.data()), {std::ssize(values)}, at::kDouble)
      .to(like.device(), like.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
}

at::Tensor whole_tensor(std::span<const double> shard, const ShardMap& layout, const at::Tensor& like,
                        const Communicator& comm) {
  return tensor_of(gathered(shard, layout, comm), like);
}

}  // namespace lift
