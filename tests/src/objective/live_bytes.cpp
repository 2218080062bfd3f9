#include "tests/src/objective/live_bytes.hpp"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>

namespace lift {

namespace {

struct Counter : c10::MemoryReportingInfoBase {
  void reportMemoryUsage(void* /*ptr*/, std::int64_t size, std::size_t /*allocated*/,
                         std::size_t /*reserved*/, c10::Device /*device*/) override {
    now += size;
    peak = std::max(peak, now);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t now = 0;
  std::int64_t peak = 0;
};

}  // namespace

struct LiveBytes::Impl {
  std::shared_ptr<Counter> counter = std::make_shared<Counter>();
  c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, counter};
};

LiveBytes::LiveBytes() : impl_(std::make_unique<Impl>()) {}
LiveBytes::~LiveBytes() = default;
std::int64_t LiveBytes::now() const noexcept {
  return impl_->counter->now;
}
std::int64_t LiveBytes::peak() const noexcept {
  return impl_->counter->peak;
}

}  // namespace lift
