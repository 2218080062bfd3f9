#include "src/report/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/files/atomic_file.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using Json = nlohmann::json;

std::vector<Json> lines_of(const std::filesystem::path& file) {
  std::vector<Json> lines;
  std::istringstream stream(read_file(file));
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

class MetricsTest : public ::testing::Test {
 protected:
  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
  double now_ = 0;
};

TEST_F(MetricsTest, OneObjectALineWithNullForWhatIsNotFinite) {
  {
    MetricsWriter metrics(folder_ / "metrics.jsonl");
    metrics.write(StepMetrics{.step = 3,
                              .epoch = 0.25,
                              .train_loss = std::numeric_limits<double>::infinity(),
                              .gradient_norm = 1.5,
                              .learning_rate = 1e-4,
                              .tokens_per_second = 1000});
    metrics.write(
        EpochLosses{.epoch = 0, .train = std::nan(""), .valid = std::log(20.0), .test = std::nan("")});
    metrics.write(2, RoundResult{.t_star = 0.5,
                                 .lambda_before = {},
                                 .lambda_after = {},
                                 .lp = {},
                                 .line_search = {{0, 3.0}, {0.5, 2.5}},
                                 .curves = {}});
    metrics.write_line({{"kind", "note"}, {"text", "a \"quote\"\n"}});
  }
  const std::vector<Json> lines = lines_of(folder_ / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0],
            Json::parse(R"({"kind":"step","step":3,"epoch":0.25,"train_loss":null,"gradient_norm":1.5,
                                      "learning_rate":1e-4,"tokens_per_second":1000.0})"));
  EXPECT_EQ(lines[1]["kind"], "epoch");
  EXPECT_TRUE(lines[1]["train_loss"].is_null());
  EXPECT_TRUE(lines[1]["test_ppl"].is_null());
  EXPECT_DOUBLE_EQ(lines[1]["valid_ppl"].get<double>(), 20);
  EXPECT_EQ(lines[3]["round"], 2);
  EXPECT_EQ(lines[3]["t"], 0.5);
  EXPECT_EQ(lines[3]["valid_loss"], 2.5);
  EXPECT_EQ(lines[4]["text"], "a \"quote\"\n");
}

TEST_F(MetricsTest, CanBeFollowedWhileTheRunGoesOn) {
  MetricsWriter metrics(folder_ / "metrics.jsonl", 1, [this] { return now_; });
  metrics.write(StepMetrics{.step = 1});
  EXPECT_EQ(lines_of(folder_ / "metrics.jsonl").size(), 0U);
  now_ = 1;
  metrics.write(StepMetrics{.step = 2});
  EXPECT_EQ(lines_of(folder_ / "metrics.jsonl").size(), 2U);
  metrics.write(StepMetrics{.step = 3});
  metrics.check();
  EXPECT_EQ(lines_of(folder_ / "metrics.jsonl").size(), 3U);
}

TEST_F(MetricsTest, AFullDiskThrowsOnlyFromCheck) {
  MetricsWriter metrics("/dev/full", 0);
  metrics.write(StepMetrics{.step = 1});
  metrics.write(StepMetrics{.step = 2});
  const Error error = testing::error_of([&] { metrics.check(); });
  EXPECT_EQ(error.code(), ExitCode::write);
  EXPECT_STREQ(error.what(), "/dev/full: cannot be written: No space left on device");
  EXPECT_EQ(testing::error_of([&] { MetricsWriter none(folder_ / "none/metrics.jsonl"); }).code(),
            ExitCode::write);
}

}  // namespace
}  // namespace lift
