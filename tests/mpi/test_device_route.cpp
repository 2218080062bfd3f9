#include "mpi/device_route.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace lift {
namespace {

using Uuids = std::vector<std::string>;

TEST(DeviceRoute, IsNcclWhereEveryRankHasADeviceOfItsOwn) {
  EXPECT_EQ(device_route(Uuids{"GPU-a"}), DeviceRoute::nccl);
  EXPECT_EQ(device_route(Uuids{"GPU-b", "GPU-a"}), DeviceRoute::nccl);
  EXPECT_EQ(device_route(Uuids{"GPU-b", "GPU-a", "GPU-c", "GPU-d"}), DeviceRoute::nccl);
}

TEST(DeviceRoute, IsTheHostWhereTwoRanksShareADevice) {
  EXPECT_EQ(device_route(Uuids{"GPU-a", "GPU-a"}), DeviceRoute::host);
  EXPECT_EQ(device_route(Uuids{"GPU-a", "GPU-b", "GPU-c", "GPU-a"}), DeviceRoute::host);
}

TEST(DeviceRoute, IsTheHostWhereOneRankHasNoDevice) {
  EXPECT_EQ(device_route(Uuids{""}), DeviceRoute::host);
  EXPECT_EQ(device_route(Uuids{"GPU-a", ""}), DeviceRoute::host);
  EXPECT_EQ(device_route(Uuids{"", "", ""}), DeviceRoute::host);
}

}  // namespace
}  // namespace lift
