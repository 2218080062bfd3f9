#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "mpi/communicator.hpp"
#include "mpi/shard_map.hpp"

namespace lift {

/// The most elements one MPI message carries; counts beyond it go out as several messages.
inline constexpr std::int64_t kMaxMessage = std::int64_t{1} << 30;

/// Deals one whole row of each sending rank out by coordinates.
///
/// Shapes      mine: map.total() entries if this rank sends, else empty; receive[s]: where the shard of rank
///             s's row goes, map.size(rank) entries, nullptr where rank s sends nothing.
/// Types       double or float; receive[s] need not be aligned for T.
/// Collective  on `comm`, map.parts() = comm.size(); `max_message` the same on every rank.
/// Throws      Error(internal) when MPI fails.
/// Cost        every entry crosses the network at most once; nothing is staged.
/// Test        tests/solvers/test_probe_matrix.cpp
template <typename T>
void deal_out_rows(std::span<const T> mine, std::span<std::byte* const> receive, const ShardMap& map,
                   const Communicator& comm, std::int64_t max_message = kMaxMessage);

}  // namespace lift
