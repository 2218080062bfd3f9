#include "src/report/format.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace lift {
namespace {

TEST(Format, Durations) {
  EXPECT_EQ(format_duration(0), "0.00 s");
  EXPECT_EQ(format_duration(0.42), "0.42 s");
  EXPECT_EQ(format_duration(0.996), "1.0 s");
  EXPECT_EQ(format_duration(7.14), "7.1 s");
  EXPECT_EQ(format_duration(9.96), "10 s");
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(192), "3 min 12 s");
  EXPECT_EQ(format_duration(3780), "1 h 03 min");
  EXPECT_EQ(format_duration(86399), "23 h 59 min");
  EXPECT_EQ(format_duration(187200), "2 d 04 h");
  EXPECT_EQ(format_duration(-1), "?");
  EXPECT_EQ(format_duration(std::nan("")), "?");
  EXPECT_EQ(format_duration(INFINITY), "?");
}

TEST(Format, Counts) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(16532736), "16,532,736");
  EXPECT_EQ(format_count(-100), "-100");
  EXPECT_EQ(format_count(-123456), "-123,456");
}

TEST(Format, Bytes) {
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1048575), "1.0 MiB");
  EXPECT_EQ(format_bytes(3650722202), "3.4 GiB");
}

TEST(Format, WidthsCountCharactersNotBytes) {
  EXPECT_EQ(display_width("7.31 → 10.16"), 12);
  EXPECT_EQ(first_columns("λ → t", 3), "λ →");
  EXPECT_EQ(first_columns("λ", 0), "");
  EXPECT_EQ(first_columns("short", 80), "short");
}

}  // namespace
}  // namespace lift
