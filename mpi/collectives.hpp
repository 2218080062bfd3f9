#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/shard_map.hpp"

namespace lift {

enum class DataType { u8, i32, i64, f32, f64 };
enum class Memory { host, device };

/// A typed stretch of memory that a collective reads and writes in place.
///
/// Counts may exceed INT_MAX. Device memory belongs to the rank's bound device; `stream` (a cudaStream_t)
/// orders the collective after the work that fills the buffer and before what is put on the stream next. A
/// CPU build refuses Memory::device.
///
/// Device buffers are summed and broadcast by NCCL where the build has it and every rank a device of its own
/// (mpi/device_route.hpp); the call then returns when the collective is enqueued. Elsewhere, and always for
/// the maximum, whose NaN NCCL does not promise, they go through page-locked host memory chunk by chunk, and
/// the call returns when the result is back.
struct Buffer {
  void* data = nullptr;
  std::size_t count = 0;
  DataType type = DataType::f32;
  Memory memory = Memory::host;
  void* stream = nullptr;
  bool mixed = false;  ///< host memory, beside ranks that may hold theirs in device memory
};

Buffer host_buffer(std::span<double> values);
Buffer host_buffer(std::span<float> values);
Buffer host_buffer(std::span<std::int64_t> values);
Buffer host_buffer(std::span<std::int32_t> values);
Buffer host_buffer(std::span<std::uint8_t> values);

/// Elements that a collective moves at a time: below INT_MAX, and what scratch memory and staging are sized
/// by.
inline constexpr std::size_t kChunk = std::size_t{1} << 23;

/// Element-wise sum over ranks, in place; the same bits on every rank. On host memory, and on device memory
/// that goes through it, also the same bits on every rerun with the same ranks.
///
/// Method      MPI moves the data and every element is added here, on one rank, in rank order: the standard
///             does not bind MPI_Allreduce to an order (Open MPI's `adapt` adds in order of arrival). Chunks
///             are split over the ranks, each adds its shard of all ranks and all gather the result, which is
///             what a ring moves too; a chunk of few elements is gathered and added by every rank.
/// Types       float adds up in double and rounds once; integers wrap.
/// NCCL        leaves "identical copies of the result in each recvbuff" (its user guide), but adds in the
///             buffer's own type, in the order of the algorithm and channels it chooses for the devices and
///             their links. Nothing it documents promises the same bits on a rerun; its maintainers call sums
///             inside NVLink switches (NVLS) different from call to call (NVIDIA/nccl issue 1497):
///             NCCL_NVLS_ENABLE=0 turns these off, LIFT_NCCL=OFF builds without NCCL.
/// Collective  on `comm`, equal count, type and `chunk` everywhere.
/// Throws      Error(internal).
/// Cost        2 (P − 1) / P of the buffer sent and received by each rank; a chunk of scratch memory.
/// Limits      a rank that is lost while NCCL works leaves the others waiting for their stream:
///             MPI_Abort ends them.
/// Test        tests/mpi/test_collectives.cpp, tests/mpi/test_device_collectives.cpp
void sum_over_ranks(const Buffer& buffer, const Communicator& comm, std::size_t chunk = kChunk);
/// Element-wise maximum over ranks, in place; NaN where any rank has NaN; otherwise as sum_over_ranks.
void max_over_ranks(const Buffer& buffer, const Communicator& comm, std::size_t chunk = kChunk);
/// Copies `buffer` of rank `root` into that of all others; equal count, type and `chunk` everywhere.
/// Collective on `comm`.
void broadcast(const Buffer& buffer, int root, const Communicator& comm, std::size_t chunk = kChunk);

double sum_over_ranks(double value, const Communicator& comm);
std::int64_t sum_over_ranks(std::int64_t value, const Communicator& comm);
double max_over_ranks(double value, const Communicator& comm);
std::int64_t max_over_ranks(std::int64_t value, const Communicator& comm);
/// Text of rank `root`, on all ranks; counts above INT_MAX work. Collective on `comm`.
void broadcast(std::string& text, int root, const Communicator& comm);

/// Every rank's shard (of `map`), joined in rank order on every rank: all[map.begin(r) …] = rank r's `mine`.
///
/// Shapes      mine: map.size(rank); all: map.total(), on every rank; they do not overlap.
/// Collective  on `comm`, with map.parts() = comm.size() and equal `chunk`.
/// Throws      Error(internal) on a wrong size.
/// Cost        a chunk of scratch memory.
/// Test        tests/mpi/test_collectives.cpp
void gather_shards(std::span<const double> mine, std::span<double> all, const ShardMap& map,
                   const Communicator& comm, std::size_t chunk = kChunk);
void gather_shards(std::span<const float> mine, std::span<float> all, const ShardMap& map,
                   const Communicator& comm, std::size_t chunk = kChunk);

/// Every rank's text in rank order, on every rank. Collective on `comm`.
std::vector<std::string> gather_texts(const std::string& mine, const Communicator& comm);
/// `value` of every rank in rank order, on every rank. Collective on `comm`.
std::vector<double> gather_values(double value, const Communicator& comm);
std::vector<std::int64_t> gather_values(std::int64_t value, const Communicator& comm);

}  // namespace lift
