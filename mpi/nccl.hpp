#pragma once
#include <string>

#include "mpi/collectives.hpp"
#include "mpi/device_route.hpp"

namespace lift {

/// The way that device memory goes over the ranks of `comm`: settled at the first such collective on it
/// (or here), then kept with the MPI communicator until that is freed.
///
/// Method      every rank's device by UUID (device_route), then an NCCL communicator whose id rank 0
///             makes and MPI carries. It is set up without blocking while the ranks tell each other how
///             far they are: where it fails on any rank, all go by the host.
/// Collective  on `comm`, after select_device(); DeviceRoute::host without communication in a build
///             without NCCL.
/// Throws      Error(internal) when MPI fails.
DeviceRoute settled_route(const Communicator& comm);

/// Why NCCL was tried on `comm` and is not used, in its own words; "" where it was not tried, is used, or
/// failed on another rank. Local, after settled_route().
std::string route_trouble(const Communicator& comm);

/// sum_over_ranks of a buffer by NCCL where that is the route of `comm`; false, and nothing done, where
/// it is not or not all ranks hold the buffer on a device. Enqueued on buffer.stream when it returns.
///
/// Collective  on `comm`.
/// Throws      Error(internal) with the call and NCCL's own text.
/// Cost        beside NCCL's, one all-reduce of a number over MPI: do all ranks hold it on a device?
/// Test        tests/mpi/test_device_collectives.cpp
bool sum_by_nccl(const Buffer& buffer, const Communicator& comm);
/// broadcast of a buffer in the same way.
bool broadcast_by_nccl(const Buffer& buffer, int root, const Communicator& comm);

}  // namespace lift
