#pragma once
#include <string>
#include <vector>

#include "mpi/communicator.hpp"

namespace lift {

/// One accelerator that a process can see.
struct Device {
  int index = -1;    ///< as the CUDA runtime counts the visible ones
  std::string name;  ///< "NVIDIA H100 80GB HBM3"
  std::string uuid;  ///< equal on two ranks if and only if it is the same device
};

/// One line of the table rank → host → device.
struct Binding {
  int rank = 0;
  int local_rank = 0;  ///< among the ranks of the host
  std::string host;
  int device = -1;   ///< Device::index, −1 for the CPU
  std::string name;  ///< Device::name, "cpu" for the CPU
  std::string uuid;  ///< empty for the CPU
  int threads = 1;   ///< CPU threads of the rank
};

/// The devices the CUDA runtime shows to this process; empty in a CPU build and where no driver is.
///
/// Throws  Error(usage) if the driver is older than the CUDA of this build, Error(internal) if the CUDA
///         runtime fails in any other way.
std::vector<Device> visible_devices();

/// Makes `device` (Device::index) the one that this rank's CUDA calls use; −1 leaves everything as it is.
///
/// Throws  Error(internal) if the CUDA runtime refuses, or in a CPU build for any index but −1.
void select_device(int device);

/// Binds local rank r of a host to device r modulo the number of visible ones, and checks the result.
///
/// A host where ranks see different lists (one GPU each through CUDA_VISIBLE_DEVICES) works as one where all
/// see all. No device is a normal case: the rank computes on the CPU. Threads as threads_of_rank(). Decides
/// only: select_device() is what puts a rank on its device.
///
/// Collective  on `comm`; every rank gets the whole table, by rank.
/// Throws      AgreedError(usage) if two ranks would share one device (equal UUID), naming both ranks, host
///             and device.
/// Test        tests/mpi/test_device.cpp, with lists made up for the test
std::vector<Binding> bind_devices(const std::vector<Device>& visible, const Communicator& comm);

/// CPU threads of this rank: OMP_NUM_THREADS (its first level) if that is a positive number, else the cores
/// of the rank's affinity mask over the ranks of the host whose masks overlap it, at least one.
///
/// Collective  on `node`, the ranks of one host.
/// Test        tests/mpi/test_device.cpp
int threads_of_rank(const Communicator& node);

}  // namespace lift
