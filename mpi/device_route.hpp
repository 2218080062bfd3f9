#pragma once
#include <span>
#include <string>

namespace lift {

/// The way of a collective on device memory: NCCL from device to device, or page-locked host memory and MPI.
enum class DeviceRoute { nccl, host };

/// The way that the ranks of a communicator can go together, from Device::uuid of each (empty: no device).
///
/// NCCL needs a device on every rank and no device twice: "Using the same CUDA device multiple times as
/// different ranks of the same NCCL communicator is not supported and may lead to hangs" (its user guide).
///
/// Test  tests/mpi/test_device_route.cpp
[[nodiscard]] DeviceRoute device_route(std::span<const std::string> uuids);

}  // namespace lift
