#include "mpi/device_route.hpp"

#include <set>

namespace lift {

DeviceRoute device_route(std::span<const std::string> uuids) {
  const std::set<std::string> distinct(uuids.begin(), uuids.end());
  const bool one_each = distinct.size() == uuids.size() && !distinct.contains("");
  return one_each ? DeviceRoute::nccl : DeviceRoute::host;
}

}  // namespace lift
