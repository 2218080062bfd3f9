#include "src/report/process_memory.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace lift {
namespace {

TEST(ProcessMemory, ThePeakGrowsWithWhatIsTouchedAndStays) {
  constexpr std::int64_t kBytes = std::int64_t{200} << 20U;
  const std::int64_t before = peak_memory_bytes();
  ASSERT_GT(before, 0);
  { const std::vector<char> block(kBytes, 1); }
  const std::int64_t after = peak_memory_bytes();
  EXPECT_GE(after, kBytes);
  EXPECT_GE(after, before);
}

}  // namespace
}  // namespace lift
