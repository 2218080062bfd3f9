#include "solvers/row_exchange.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace lift {
namespace {

constexpr int kRowTag = 31;

MPI_Datatype mpi_type(double /*unused*/) {
  return MPI_DOUBLE;
}
MPI_Datatype mpi_type(float /*unused*/) {
  return MPI_FLOAT;
}

}  // namespace

template <typename T>
void deal_out_rows(std::span<const T> mine, std::span<std::byte* const> receive, const ShardMap& map,
                   const Communicator& comm, std::int64_t max_message) {
  const int me = comm.rank();
  std::vector<MPI_Request> requests;
  for (int source = 0; source < comm.size(); ++source) {
    if (source == me || receive[source] == nullptr) continue;
    for (std::int64_t at = 0; at < map.size(me); at += max_message) {
      const auto count = static_cast<int>(std::min(max_message, map.size(me) - at));
      check_mpi(MPI_Irecv(receive[source] + at * static_cast<std::int64_t>(sizeof(T)), count, mpi_type(T{}),
                          source, kRowTag, comm.handle(), &requests.emplace_back()),
                "MPI_Irecv");
    }
  }
  if (!mine.empty()) {
    // Each rank starts with its right neighbour, so that not all senders meet at rank 0.
    for (int hop = 1; hop < comm.size(); ++hop) {
      const int target = (me + hop) % comm.size();
      for (std::int64_t at = map.begin(target); at < map.end(target); at += max_message) {
        const auto count = static_cast<int>(std::min(max_message, map.end(target) - at));
        check_mpi(MPI_Isend(mine.data() + at, count, mpi_type(T{}), target, kRowTag, comm.handle(),
                            &requests.emplace_back()),
                  "MPI_Isend");
      }
    }
    if (map.size(me) > 0) {
      std::memcpy(receive[me], mine.data() + map.begin(me),
                  static_cast<std::size_t>(map.size(me)) * sizeof(T));
    }
  }
  check_mpi(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
            "MPI_Waitall");
}

template void deal_out_rows<double>(std::span<const double>, std::span<std::byte* const>, const ShardMap&,
                                    const Communicator&, std::int64_t);
template void deal_out_rows<float>(std::span<const float>, std::span<std::byte* const>, const ShardMap&,
                                   const Communicator&, std::int64_t);

}  // namespace lift
