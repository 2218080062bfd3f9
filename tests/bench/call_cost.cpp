#include "tests/bench/call_cost.hpp"

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "tests/src/objective/live_bytes.hpp"

namespace lift {

namespace {

/// Waits until the device has done all that was asked of it; the CPU always has.
void wait_for(at::Device device) {
  if (!device.is_cpu()) c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

std::int64_t peak_on_cpu(const std::function<void()>& action) {
  const LiveBytes memory;
  action();
  return memory.peak();
}

std::int64_t peak_on_device(at::Device device, const std::function<void()>& action) {
  auto& allocator = *c10::getDeviceAllocator(device.type());
  const auto allocated = [&] {
    constexpr auto kAllPools = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    return allocator.getDeviceStats(device.index()).allocated_bytes[kAllPools];
  };
  action();  // the first call also makes what the libraries keep, such as cuBLAS's workspaces
  wait_for(device);
  allocator.resetPeakStats(device.index());
  const std::int64_t before = allocated().current;
  action();
  wait_for(device);
  return allocated().peak - before;
}

}  // namespace

CallCost measure_call(at::Device device, int repetitions, const std::function<void()>& action) {
  CallCost cost;
  const auto peak = device.is_cpu() ? peak_on_cpu(action) : peak_on_device(device, action);
  cost.mebibytes = static_cast<double>(peak) / (1 << 20);
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    action();
    wait_for(device);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    cost.seconds = std::min(cost.seconds, elapsed.count());
  }
  return cost;
}

}  // namespace lift
