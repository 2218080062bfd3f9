#pragma once
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace lift {

/// What tensors allocate and free on this thread while it lives, as c10's allocators report it.
class AllocationMeter {
 public:
  AllocationMeter()
      : ledger_(std::make_shared<Ledger>()), guard_(c10::DebugInfoKind::PROFILER_STATE, ledger_) {}
  [[nodiscard]] std::int64_t live_bytes() const noexcept { return ledger_->live; }
  [[nodiscard]] std::int64_t peak_bytes() const noexcept { return ledger_->peak; }

 private:
  struct Ledger final : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t, c10::Device) override {
      live += bytes;
      peak = std::max(peak, live);
    }
    [[nodiscard]] bool memoryProfilingEnabled() const override { return true; }
    std::int64_t live = 0, peak = 0;
  };
  std::shared_ptr<Ledger> ledger_;
  c10::DebugInfoGuard guard_;
};

}  // namespace lift
