#pragma once
#include <c10/core/Device.h>

#include <functional>
#include <limits>

namespace lift {

struct CallCost {
  double seconds = std::numeric_limits<double>::infinity();  ///< the least of the repetitions
  double mebibytes = 0;                                      ///< peak of what the call itself allocates
};

/// Time and memory of `action` on `device`.
///
/// Method  the calls for the memory come first, and so warm up those that are timed; the clock waits for the
///         device. Memory is counted by LiveBytes on the CPU, and elsewhere by the caching allocator of the
///         device for all threads, because the backward pass has one of its own there.
/// Cost    repetitions + 1 calls, one more on a device.
CallCost measure_call(at::Device device, int repetitions, const std::function<void()>& action);

}  // namespace lift
