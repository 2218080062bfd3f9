#include "src/report/event_file.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <nlohmann/json.hpp>

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename Number>
Number number_at(const std::string& bytes, std::size_t at) {
  Number number{};
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

std::uint32_t unmasked(std::uint32_t masked) {
  const std::uint32_t turned = masked - 0xA282EAD8U;
  return turned >> 17U | turned << 15U;
}

/// The data of each record, its checksums verified.
std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> data;
  std::size_t at = 0;
  while (at + 16 <= file.size()) {
    const auto length = number_at<std::uint64_t>(file, at);
    EXPECT_EQ(unmasked(number_at<std::uint32_t>(file, at + 8)), crc32c(file.substr(at, 8)));
    data.push_back(file.substr(at + 12, length));
    EXPECT_EQ(unmasked(number_at<std::uint32_t>(file, at + 12 + length)), crc32c(data.back()));
    at += 16 + length;
  }
  EXPECT_EQ(at, file.size());
  return data;
}

std::vector<nlohmann::json> lines(const std::vector<const char*>& texts) {
  std::vector<nlohmann::json> parsed;
  for (const char* text : texts) parsed.push_back(nlohmann::json::parse(text));
  return parsed;
}

TEST(EventFile, ChecksumsAreCrc32c) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);            // the check value of the catalogue of CRCs
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
}

TEST(EventFile, RecordsAreEventsInProtobuf) {
  const std::vector<ScalarPoint> points = {{"step/train_loss", 300, 2.5F}};
  const auto events = records(event_file(points, 2.0));
  ASSERT_EQ(events.size(), 2U);
  const std::string time = std::string("\x09\0\0\0\0\0\0\0\x40", 9);  // field 1, double 2.0
  EXPECT_EQ(events[0], time +
                           "\x1a\x0d"
                           "brain.Event:2");
  // field 2, varint 300; field 5, Summary of 24 bytes with one Value of 22: its tag of 15, its float 2.5
  EXPECT_EQ(events[1], time +
                           "\x10\xac\x02"
                           "\x2a\x18"
                           "\x0a\x16"
                           "\x0a\x0f"
                           "step/train_loss" +
                           std::string("\x15\0\0\x20\x40", 5));
}

TEST(EventFile, LinesOfMetricsBecomeCurves) {
  const auto metrics = lines({R"({"kind":"step","step":7,"epoch":0.5,"train_loss":2.5,"note":"x"})",
                              R"({"kind":"epoch","epoch":3,"train_loss":null,"valid_loss":3.5})",
                              R"({"kind":"line_search","round":2,"t":0.0,"valid_loss":3.4})",
                              R"({"kind":"line_search","round":2,"t":0.8,"valid_loss":3.3})",
                              R"({"kind":"line_search","round":3,"t":0.1,"valid_loss":3.2})"});
  std::vector<std::string> seen;
  for (const ScalarPoint& point : scalar_points(metrics))
    seen.push_back(point.tag + "@" + std::to_string(point.step) + "=" +
                   std::to_string(point.value).substr(0, 3));
  EXPECT_THAT(seen, ElementsAre("step/train_loss@7=2.5", "epoch/valid_loss@3=3.5",
                                "line_search/round 2/t@0=0.0", "line_search/round 2/valid_loss@0=3.4",
                                "line_search/round 2/t@1=0.8", "line_search/round 2/valid_loss@1=3.3",
                                "line_search/round 3/t@0=0.1", "line_search/round 3/valid_loss@0=3.2"));
}

TEST(EventFile, ATimeIsReadAsUtc) {
  EXPECT_EQ(seconds_since_1970("1970-01-02T00:00:01Z"), 86401);
  EXPECT_EQ(seconds_since_1970("2026-01-31T12:00:00Z"), 1769860800);
  EXPECT_EQ(seconds_since_1970("yesterday"), 0);
}

}  // namespace
}  // namespace lift
