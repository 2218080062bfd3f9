#include "src/report/event_file.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <boost/crc.hpp>
#include <cmath>
#include <ctime>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace lift {
namespace {

/// The low `bytes` bytes of a number, the least first.
std::string little_endian(std::uint64_t number, int bytes) {
  std::string text;
  for (int k = 0; k < bytes; ++k) text += static_cast<char>(number >> (8 * k) & 0xFFU);
  return text;
}

/// protobuf's wire format (protobuf.dev, "Encoding"): a field is its number and type as a varint, then its
/// value.
enum class Wire : unsigned { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

std::string varint(std::uint64_t number) {
  std::string text;
  for (; number >= 0x80; number >>= 7U) text += static_cast<char>(number % 0x80 + 0x80);
  return text + static_cast<char>(number);
}
std::string key(unsigned field, Wire wire) {
  return varint(field << 3U | static_cast<unsigned>(wire));
}
std::string number_field(unsigned field, double value) {
  return key(field, Wire::fixed64) + little_endian(std::bit_cast<std::uint64_t>(value), 8);
}
std::string number_field(unsigned field, float value) {
  return key(field, Wire::fixed32) + little_endian(std::bit_cast<std::uint32_t>(value), 4);
}
std::string bytes_field(unsigned field, const std::string& value) {
  return key(field, Wire::bytes) + varint(value.size()) + value;
}

// tensorflow/core/util/event.proto and framework/summary.proto.
std::string version_event(double wall_time) {
  return number_field(1, wall_time) + bytes_field(3, "brain.Event:2");
}
std::string scalar_event(const ScalarPoint& point, double wall_time) {
  const std::string value = bytes_field(1, point.tag) + number_field(2, point.value);
  return number_field(1, wall_time) + key(2, Wire::varint) + varint(static_cast<std::uint64_t>(point.step)) +
         bytes_field(5, bytes_field(1, value));
}

/// TFRecord hides its checksums from those of what it holds (tensorflow/core/lib/hash/crc32c.h).
std::string masked_checksum(const std::string& data) {
  const std::uint32_t crc = crc32c(data);
  return little_endian(static_cast<std::uint32_t>(std::rotr(crc, 15) + 0xA282EAD8U), 4);
}

std::string record(const std::string& data) {
  const std::string length = little_endian(data.size(), 8);
  return length + masked_checksum(length) + data + masked_checksum(data);
}

/// The head of the tags of a line, and its step.
std::pair<std::string, std::int64_t> place_of(const nlohmann::json& line,
                                              std::map<std::string, std::int64_t>& counts) {
  const auto kind = line.find("kind");
  std::string head = kind != line.end() && kind->is_string() ? kind->get<std::string>() : "other";
  if (head == "step" || head == "epoch") {
    const auto step = line.find(head);
    if (step != line.end() && step->is_number_integer()) return {head, step->get<std::int64_t>()};
  }
  const auto round = line.find("round");
  if (round != line.end() && round->is_number_integer())
    head += fmt::format("/round {}", round->get<std::int64_t>());
  return {head, counts[head]++};
}

}  // namespace

std::uint32_t crc32c(const std::string& data) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(data.data(), data.size());
  return crc.checksum();
}

std::vector<ScalarPoint> scalar_points(std::span<const nlohmann::json> lines) {
  std::vector<ScalarPoint> points;
  std::map<std::string, std::int64_t> counts;
  for (const nlohmann::json& line : lines) {
    const auto [head, step] = place_of(line, counts);
    for (const auto& [name, value] : line.items()) {
      if (!value.is_number() || name == "step" || name == "epoch" || name == "round") continue;
      points.push_back({fmt::format("{}/{}", head, name), step, value.get<float>()});
    }
  }
  return points;
}

std::string event_file(std::span<const ScalarPoint> points, double wall_time) {
  std::string file = record(version_event(wall_time));
  for (const ScalarPoint& point : points) file += record(scalar_event(point, wall_time));
  return file;
}

double seconds_since_1970(const std::string& utc_time) {
  std::tm parts{};
  std::istringstream stream(utc_time);
  stream >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%SZ");
  return stream.fail() ? 0 : static_cast<double>(::timegm(&parts));
}

}  // namespace lift
