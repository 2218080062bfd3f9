#pragma once
#include <chrono>
#include <functional>

namespace lift {

/// Monotonic seconds; tests hand in one of their own.
using Clock = std::function<double()>;

inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace lift
