#include "mpi/device.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"

namespace lift {

namespace {

Binding choose(const std::vector<Device>& visible, const Communicator& node) {
  Binding mine;
  mine.local_rank = node.rank();
  mine.host = host_name();
  mine.name = "cpu";
  if (!visible.empty()) {
    const Device& device = visible[static_cast<std::size_t>(node.rank()) % visible.size()];
    mine.device = device.index;
    mine.name = device.name;
    mine.uuid = device.uuid;
  }
  mine.threads = threads_of_rank(node);
  return mine;
}

std::vector<Binding> gather(const Binding& mine, const Communicator& comm) {
  const auto hosts = gather_texts(mine.host, comm);
  const auto names = gather_texts(mine.name, comm);
  const auto uuids = gather_texts(mine.uuid, comm);
  const auto local_ranks = gather_values(std::int64_t{mine.local_rank}, comm);
  const auto devices = gather_values(std::int64_t{mine.device}, comm);
  const auto threads = gather_values(std::int64_t{mine.threads}, comm);
  std::vector<Binding> table;
  for (std::size_t r = 0; r < hosts.size(); ++r) {
    table.push_back({static_cast<int>(r), static_cast<int>(local_ranks[r]), hosts[r],
                     static_cast<int>(devices[r]), names[r], uuids[r], static_cast<int>(threads[r])});
  }
  return table;
}

void refuse_shared_device(const std::vector<Binding>& table) {
  for (auto second = table.begin(); second != table.end(); ++second) {
    const auto first = std::find_if(table.begin(), second, [&](const Binding& other) {
      return second->device >= 0 && other.device >= 0 && other.uuid == second->uuid;
    });
    if (first == second) continue;
    throw Error(
        ExitCode::usage,
        fmt::format("ranks {} and {} on {} would share device {} ({}, {}): start at most one rank a "
                    "device, or give each rank its own with CUDA_VISIBLE_DEVICES",
                    first->rank, second->rank, second->host, second->device, second->name, second->uuid));
  }
}

}  // namespace

std::vector<Binding> bind_devices(const std::vector<Device>& visible, const Communicator& comm) {
  const Communicator node = comm.split_by_node();
  std::vector<Binding> table = gather(choose(visible, node), comm);
  agree(comm, [&] { refuse_shared_device(table); });
  return table;
}

}  // namespace lift
