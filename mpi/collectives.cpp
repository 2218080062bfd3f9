#include "mpi/collectives.hpp"

#include <algorithm>
#include <climits>
#include <functional>
#include <optional>

#include "mpi/error.hpp"
#include "mpi/nccl.hpp"
#include "mpi/reduction.hpp"
#include "mpi/staging.hpp"

namespace lift {

namespace {

std::size_t size_of(DataType type) {
  switch (type) {
    case DataType::u8:
      return 1;
    case DataType::i32:
    case DataType::f32:
      return 4;
    case DataType::i64:
    case DataType::f64:
      return 8;
  }
  throw Error(ExitCode::internal, "a buffer of unknown type");
}

/// Calls `collective(data, count)` on host memory for each chunk of `buffer`, staged where it is on a device.
void for_each_chunk(const Buffer& buffer, std::size_t chunk,
                    const std::function<void(void*, std::size_t)>& collective) {
  const std::size_t width = size_of(buffer.type);
  std::optional<Staging> staging;
  if (buffer.memory == Memory::device) staging.emplace(std::min(chunk, buffer.count) * width);
  for (std::size_t first = 0; first < buffer.count; first += chunk) {
    const std::size_t count = std::min(chunk, buffer.count - first);
    void* here = static_cast<std::byte*>(buffer.data) + first * width;
    if (staging) {
      staging->load(here, count * width, buffer.stream);
      collective(staging->data(), count);
      staging->store(here, count * width, buffer.stream);
    } else {
      collective(here, count);
    }
  }
}

void reduce_over_ranks(const Buffer& buffer, Reduction reduction, const Communicator& comm,
                       std::size_t chunk) {
  if (comm.size() == 1) return;
  for_each_chunk(buffer, chunk, [&](void* data, std::size_t count) {
    switch (buffer.type) {
      case DataType::u8:
        return reduce_chunk(std::span(static_cast<std::uint8_t*>(data), count), reduction, comm);
      case DataType::i32:
        return reduce_chunk(std::span(static_cast<std::int32_t*>(data), count), reduction, comm);
      case DataType::i64:
        return reduce_chunk(std::span(static_cast<std::int64_t*>(data), count), reduction, comm);
      case DataType::f32:
        return reduce_chunk(std::span(static_cast<float*>(data), count), reduction, comm);
      case DataType::f64:
        return reduce_chunk(std::span(static_cast<double*>(data), count), reduction, comm);
    }
  });
}

/// One round for each stretch of `width` elements of the shards: all ranks' stretches meet in `scratch` and
/// are copied to their places, so that no count or displacement of MPI exceeds `chunk`.
template <typename Real>
void gather_in_rounds(std::span<const Real> mine, std::span<Real> all, const ShardMap& map,
                      const Communicator& comm, std::size_t chunk) {
  const auto parts = static_cast<std::size_t>(comm.size());
  if (map.parts() != comm.size() || std::ssize(mine) != map.size(comm.rank()) ||
      std::ssize(all) != map.total()) {
    throw Error(ExitCode::internal, "gather_shards: the spans do not have the sizes of the shard map");
  }
  const auto width = static_cast<std::int64_t>(std::max<std::size_t>(1, chunk / parts));
  std::vector<Real> scratch(static_cast<std::size_t>(std::min(width, map.size(0))) * parts);
  std::vector<int> counts(parts);
  std::vector<int> places(parts);
  for (std::int64_t first = 0; first < map.size(0); first += width) {
    int total = 0;
    for (int part = 0; part < map.parts(); ++part) {
      places[part] = total;
      counts[part] = static_cast<int>(std::clamp<std::int64_t>(map.size(part) - first, 0, width));
      total += counts[part];
    }
    const int sent = counts[comm.rank()];
    check_mpi(MPI_Allgatherv(sent == 0 ? mine.data() : mine.data() + first, sent, mpi_type<Real>(),
                             scratch.data(), counts.data(), places.data(), mpi_type<Real>(), comm.handle()),
              "MPI_Allgatherv");
    for (int part = 0; part < map.parts(); ++part) {
      std::copy_n(scratch.begin() + places[part], counts[part], all.begin() + map.begin(part) + first);
    }
  }
}

template <typename Value>
std::vector<Value> gather_each(Value value, const Communicator& comm) {
  std::vector<Value> values(comm.size());
  check_mpi(MPI_Allgather(&value, 1, mpi_type<Value>(), values.data(), 1, mpi_type<Value>(), comm.handle()),
            "MPI_Allgather");
  return values;
}

template <typename Value>
Value reduce_one(Value value, Reduction reduction, const Communicator& comm) {
  reduce_over_ranks(host_buffer(std::span(&value, 1)), reduction, comm, kChunk);
  return value;
}

}  // namespace

Buffer host_buffer(std::span<double> values) {
  return {values.data(), values.size(), DataType::f64};
}
Buffer host_buffer(std::span<float> values) {
  return {values.data(), values.size(), DataType::f32};
}
Buffer host_buffer(std::span<std::int64_t> values) {
  return {values.data(), values.size(), DataType::i64};
}
Buffer host_buffer(std::span<std::int32_t> values) {
  return {values.data(), values.size(), DataType::i32};
}
Buffer host_buffer(std::span<std::uint8_t> values) {
  return {values.data(), values.size(), DataType::u8};
}

void sum_over_ranks(const Buffer& buffer, const Communicator& comm, std::size_t chunk) {
  if (comm.size() > 1 && sum_by_nccl(buffer, comm)) return;
  reduce_over_ranks(buffer, Reduction::sum, comm, chunk);
}

void max_over_ranks(const Buffer& buffer, const Communicator& comm, std::size_t chunk) {
  reduce_over_ranks(buffer, Reduction::max, comm, chunk);
}

void broadcast(const Buffer& buffer, int root, const Communicator& comm, std::size_t chunk) {
  if (comm.size() == 1 || broadcast_by_nccl(buffer, root, comm)) return;
  const auto width = static_cast<int>(size_of(buffer.type));
  const std::size_t most = std::min<std::size_t>(chunk, INT_MAX / width);
  for_each_chunk(buffer, most, [&](void* data, std::size_t count) {
    check_mpi(MPI_Bcast(data, static_cast<int>(count) * width, MPI_BYTE, root, comm.handle()), "MPI_Bcast");
  });
}

double sum_over_ranks(double value, const Communicator& comm) {
  return reduce_one(value, Reduction::sum, comm);
}
std::int64_t sum_over_ranks(std::int64_t value, const Communicator& comm) {
  return reduce_one(value, Reduction::sum, comm);
}
double max_over_ranks(double value, const Communicator& comm) {
  return reduce_one(value, Reduction::max, comm);
}
std::int64_t max_over_ranks(std::int64_t value, const Communicator& comm) {
  return reduce_one(value, Reduction::max, comm);
}

void broadcast(std::string& text, int root, const Communicator& comm) {
  auto length = static_cast<std::int64_t>(text.size());
  broadcast(host_buffer(std::span(&length, 1)), root, comm);
  text.resize(static_cast<std::size_t>(length));
  broadcast({text.data(), text.size(), DataType::u8}, root, comm);
}

void gather_shards(std::span<const double> mine, std::span<double> all, const ShardMap& map,
                   const Communicator& comm, std::size_t chunk) {
  gather_in_rounds(mine, all, map, comm, chunk);
}

void gather_shards(std::span<const float> mine, std::span<float> all, const ShardMap& map,
                   const Communicator& comm, std::size_t chunk) {
  gather_in_rounds(mine, all, map, comm, chunk);
}

std::vector<std::string> gather_texts(const std::string& mine, const Communicator& comm) {
  std::vector<std::string> texts(comm.size());
  texts[comm.rank()] = mine;
  for (int rank = 0; rank < comm.size(); ++rank) broadcast(texts[rank], rank, comm);
  return texts;
}

std::vector<double> gather_values(double value, const Communicator& comm) {
  return gather_each(value, comm);
}

std::vector<std::int64_t> gather_values(std::int64_t value, const Communicator& comm) {
  return gather_each(value, comm);
}

}  // namespace lift
