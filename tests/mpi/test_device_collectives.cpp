// Collectives on device memory: by NCCL where there are as many devices as ranks, by the host where one is
// shared.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/cuda_check.hpp"
#include "mpi/device.hpp"
#include "mpi/error.hpp"
#include "mpi/nccl.hpp"

namespace lift {
namespace {

/// `count` floats of device memory, filled from and read back to the host.
class DeviceFloats {
 public:
  explicit DeviceFloats(std::vector<float> values) : values_(std::move(values)) {
    check_cuda(cudaMalloc(&data_, values_.size() * sizeof(float)), "cudaMalloc");
    check_cuda(cudaMemcpy(data_, values_.data(), values_.size() * sizeof(float), cudaMemcpyHostToDevice),
               "cudaMemcpy");
  }
  ~DeviceFloats() { cudaFree(data_); }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;

  [[nodiscard]] Buffer buffer() const {
    return {.data = data_, .count = values_.size(), .type = DataType::f32, .memory = Memory::device};
  }
  /// Waits for the default stream, and so for what a collective has put there.
  std::vector<float> values() {
    check_cuda(cudaMemcpy(values_.data(), data_, values_.size() * sizeof(float), cudaMemcpyDeviceToHost),
               "cudaMemcpy");
    return values_;
  }

 private:
  std::vector<float> values_;
  void* data_ = nullptr;
};

/// Whole numbers, whose sums are exact in any order.
std::vector<float> numbers(int rank, std::size_t count = 1000) {
  std::vector<float> values(count);
  for (std::size_t k = 0; k < count; ++k) values[k] = static_cast<float>((k + 7 * rank) % 1000);
  return values;
}

class DeviceCollectives : public testing::Test {
 protected:
  /// Selects device `mine` for this rank; false where fewer than `wanted` are visible.
  bool select(int wanted, int mine) {
    const auto devices = static_cast<int>(visible_devices().size());
    if (devices < wanted) return false;
    select_device(mine);
    return true;
  }
  void expect_sums_and_copies() {
    DeviceFloats values(numbers(world_.rank()));
    sum_over_ranks(values.buffer(), world_);
    const auto sums = values.values();
    for (std::size_t k = 0; k < sums.size(); ++k) {
      float expected = 0;
      for (int rank = 0; rank < world_.size(); ++rank) expected += numbers(rank)[k];
      ASSERT_EQ(sums[k], expected) << k;
    }
    for (int root = 0; root < world_.size(); ++root) {
      DeviceFloats copied(numbers(world_.rank()));
      broadcast(copied.buffer(), root, world_);
      EXPECT_EQ(copied.values(), numbers(root));
    }
  }
  const Communicator world_ = Communicator::world();
};

TEST_F(DeviceCollectives, OneDeviceARankSumsAndBroadcasts) {
  if (!select(world_.size(), world_.rank())) GTEST_SKIP() << "fewer visible devices than ranks";
  expect_sums_and_copies();
}

#ifdef LIFT_TEST_NCCL
TEST_F(DeviceCollectives, OneDeviceARankGoesByNccl) {
  if (!select(world_.size(), world_.rank())) GTEST_SKIP() << "fewer visible devices than ranks";
  EXPECT_EQ(settled_route(world_), DeviceRoute::nccl);
  EXPECT_EQ(settled_route(world_.duplicate()), DeviceRoute::nccl) << "with a communicator of its own";
  DeviceFloats values(numbers(world_.rank()));
  EXPECT_TRUE(broadcast_by_nccl(values.buffer(), 0, world_));
  EXPECT_TRUE(sum_by_nccl(values.buffer(), world_));
  auto expected = numbers(0);
  for (float& value : expected) value *= static_cast<float>(world_.size());
  EXPECT_EQ(values.values(), expected);
  EXPECT_THROW(broadcast_by_nccl(values.buffer(), world_.size(), world_.duplicate()), Error)
      << "no such root";
}
#endif

TEST_F(DeviceCollectives, ASharedDeviceGoesByTheHost) {
  if (world_.size() == 1) GTEST_SKIP() << "needs two ranks";
  if (!select(1, 0)) GTEST_SKIP() << "no visible device";
  EXPECT_EQ(settled_route(world_), DeviceRoute::host);
  expect_sums_and_copies();
}

TEST_F(DeviceCollectives, ARankWithoutOneTakesPart) {
  if (world_.size() == 1) GTEST_SKIP() << "needs two ranks";
  if (!select(1, 0)) GTEST_SKIP() << "no visible device";
  std::vector<float> here(5, 1.0F);
  DeviceFloats there(here);
  Buffer buffer = there.buffer();
  if (world_.is_root()) {
    buffer = host_buffer(std::span(here));
    buffer.mixed = true;
  }
  sum_over_ranks(buffer, world_);
  const std::vector<float> sums(5, static_cast<float>(world_.size()));
  EXPECT_EQ(world_.is_root() ? here : there.values(), sums);
}

TEST_F(DeviceCollectives, TheMaximumKeepsNaN) {
  if (!select(world_.size(), world_.rank())) GTEST_SKIP() << "fewer visible devices than ranks";
  DeviceFloats values({world_.is_root() ? NAN : 1.0F, static_cast<float>(world_.rank())});
  max_over_ranks(values.buffer(), world_);
  const auto largest = values.values();
  EXPECT_TRUE(std::isnan(largest[0]));
  EXPECT_EQ(largest[1], static_cast<float>(world_.size() - 1));
}

TEST_F(DeviceCollectives, WithoutDevicesTheRouteIsTheHost) {
  if (!visible_devices().empty()) GTEST_SKIP() << "there is a device";
  EXPECT_EQ(settled_route(world_), DeviceRoute::host);
  std::vector<float> values{1.0F};
  Buffer buffer = host_buffer(std::span(values));
  buffer.mixed = true;
  sum_over_ranks(buffer, world_);
  EXPECT_EQ(values[0], static_cast<float>(world_.size()));
}

}  // namespace
}  // namespace lift
