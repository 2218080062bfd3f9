#pragma once
#include <cstdint>

namespace lift {

/// The most memory this process has held resident so far [bytes], from VmHWM of /proc/self/status; −1 where
/// the system does not say. Test tests/src/report/test_process_memory.cpp
[[nodiscard]] std::int64_t peak_memory_bytes();

}  // namespace lift
