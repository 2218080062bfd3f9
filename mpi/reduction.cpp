#include "mpi/reduction.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "mpi/shard_map.hpp"

namespace lift {

namespace {

/// Up to this many elements over all ranks, one exchange of everything is quicker than two of shards.
constexpr std::size_t kGatherAtMost = 4096;

// What a sum is carried in: double rounds a float sum once; unsigned integers wrap where signed ones must
// not.
template <typename Value>
struct Carrier;
template <>
struct Carrier<double> {
  using Type = double;
};
template <>
struct Carrier<float> {
  using Type = double;
};
template <>
struct Carrier<std::uint8_t> {
  using Type = std::uint64_t;
};
template <>
struct Carrier<std::int32_t> {
  using Type = std::uint64_t;
};
template <>
struct Carrier<std::int64_t> {
  using Type = std::uint64_t;
};

/// out[k] = Σ_r rows[r · stride + k], r = 0, 1, … in this order; a block at a time, so that it vectorises.
template <typename Value>
void add_rows(const std::vector<Value>& rows, std::size_t stride, std::span<Value> out) {
  using Sum = typename Carrier<Value>::Type;
  constexpr std::size_t kBlock = 512;
  std::array<Sum, kBlock> sums;
  for (std::size_t first = 0; first < out.size(); first += kBlock) {
    const std::size_t width = std::min(kBlock, out.size() - first);
    sums.fill(Sum{0});
    for (std::size_t row = first; row < rows.size(); row += stride) {
      for (std::size_t k = 0; k < width; ++k) sums[k] += static_cast<Sum>(rows[row + k]);
    }
    for (std::size_t k = 0; k < width; ++k) out[first + k] = static_cast<Value>(sums[k]);
  }
}

/// out[k] = max_r rows[r · stride + k]; only a NaN differs from itself, and wins.
template <typename Value>
void max_rows(const std::vector<Value>& rows, std::size_t stride, std::span<Value> out) {
  std::copy_n(rows.begin(), out.size(), out.begin());
  for (std::size_t row = stride; row < rows.size(); row += stride) {
    for (std::size_t k = 0; k < out.size(); ++k) {
      const Value value = rows[row + k];
      if (value > out[k] || value != value) out[k] = value;
    }
  }
}

template <typename Value>
void reduce_rows(const std::vector<Value>& rows, Reduction reduction, std::span<Value> out) {
  if (out.empty()) return;
  const std::size_t stride = out.size();
  return reduction == Reduction::sum ? add_rows(rows, stride, out) : max_rows(rows, stride, out);
}

template <typename Value>
void gather_and_reduce(std::span<Value> values, Reduction reduction, const Communicator& comm) {
  const int count = static_cast<int>(values.size());
  std::vector<Value> rows(values.size() * comm.size());
  check_mpi(MPI_Allgather(values.data(), count, mpi_type<Value>(), rows.data(), count, mpi_type<Value>(),
                          comm.handle()),
            "MPI_Allgather");
  reduce_rows(rows, reduction, values);
}

/// Every rank gets its shard from all ranks, reduces it, and all gather the reduced shards.
template <typename Value>
void scatter_and_reduce(std::span<Value> values, Reduction reduction, const Communicator& comm) {
  const ShardMap shards(static_cast<std::int64_t>(values.size()), comm.size());
  const int own = static_cast<int>(shards.size(comm.rank()));
  std::vector<int> counts;
  std::vector<int> places;
  std::vector<int> own_places;
  for (int rank = 0; rank < comm.size(); ++rank) {
    counts.push_back(static_cast<int>(shards.size(rank)));
    places.push_back(static_cast<int>(shards.begin(rank)));
    own_places.push_back(rank * own);
  }
  const std::vector<int> own_counts(comm.size(), own);
  const MPI_Datatype type = mpi_type<Value>();
  std::vector<Value> rows(static_cast<std::size_t>(own) * comm.size());
  check_mpi(MPI_Alltoallv(values.data(), counts.data(), places.data(), type, rows.data(), own_counts.data(),
                          own_places.data(), type, comm.handle()),
            "MPI_Alltoallv");
  reduce_rows(rows, reduction, values.subspan(shards.begin(comm.rank()), own));
  check_mpi(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values.data(), counts.data(), places.data(),
                           type, comm.handle()),
            "MPI_Allgatherv");
}

}  // namespace

template <typename Value>
void reduce_chunk(std::span<Value> values, Reduction reduction, const Communicator& comm) {
  if (values.size() * comm.size() <= kGatherAtMost) return gather_and_reduce(values, reduction, comm);
  scatter_and_reduce(values, reduction, comm);
}

template void reduce_chunk(std::span<std::uint8_t>, Reduction, const Communicator&);
template void reduce_chunk(std::span<std::int32_t>, Reduction, const Communicator&);
template void reduce_chunk(std::span<std::int64_t>, Reduction, const Communicator&);
template void reduce_chunk(std::span<float>, Reduction, const Communicator&);
template void reduce_chunk(std::span<double>, Reduction, const Communicator&);

}  // namespace lift
