#include "src/methods/radius_report.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/src/methods/toys.hpp"

namespace lift {
namespace {

TEST(RadiusReport, TellsOfEveryTensorInOrder) {
  const auto tensors = tensors_of({{"wpe.weight", {2, 2}}, {"ln_f.weight", {2}}, {"ln_f.bias", {2}}});
  const RadialProjection mars(tensors, RadialNorm::mars, {"ln_f.weight"});
  const auto start = vector({1, -2, 0, 4, 9, 9, 5, 5});
  const auto theta = vector({1, -1, 3, 4, 8, 8, 5, 5});  // rows of wpe move by 1 and 3
  const std::vector radii{1.5, std::numeric_limits<double>::infinity()};
  const auto report = report_radii(tensors, mars, mars.norms(theta, start), radii, start);
  ASSERT_EQ(report.size(), 3U);

  EXPECT_EQ(report[0].name, "wpe.weight");
  EXPECT_EQ(report[0].status, RadiusStatus::learned);
  EXPECT_EQ(report[0].rows, 2);
  EXPECT_EQ(report[0].active_rows, 1);
  EXPECT_EQ(report[0].distance, 3);
  EXPECT_EQ(report[0].radius, 1.5);
  EXPECT_NEAR(report[0].ratio, 0.5, 1e-8);
  EXPECT_NEAR(report[0].kept, (1 + 1.5) / 4, 1e-8);
  EXPECT_EQ(report[0].start_norm, 4) << "of the row (0, 4)";

  EXPECT_EQ(report[1].status, RadiusStatus::excluded);
  EXPECT_EQ(report[2].status, RadiusStatus::unmoved);
  EXPECT_EQ(report[2].radius, 0);
}

TEST(RadiusReport, L2KeepsItsRatio) {
  const auto tensors = tensors_of({{"ln_f.bias", {2}}});
  const RadialProjection l2(tensors, RadialNorm::l2);
  const auto start = vector({0, 0}), theta = vector({3, 4});
  const auto report = report_radii(tensors, l2, l2.norms(theta, start), std::vector{2.0}, start);
  EXPECT_EQ(report[0].distance, 5);
  EXPECT_NEAR(report[0].ratio, 0.4, 1e-8);
  EXPECT_NEAR(report[0].kept, report[0].ratio, 1e-15);
  EXPECT_EQ(report[0].start_norm, 0);
}

}  // namespace
}  // namespace lift
