#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "src/files/atomic_file.hpp"
#include "src/model/safetensors.hpp"
#include "src/model/safetensors_writer.hpp"
#include "tests/src/model/helpers.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

std::string length_bytes(std::uint64_t length) {
  std::string bytes(8, '\0');
  for (std::size_t k = 0; k < 8; ++k) bytes[k] = char(length >> (8 * k));
  return bytes;
}

/// A file as its parts say, whether they fit each other or not.
std::string raw(const std::string& header, std::size_t data_bytes) {
  return length_bytes(header.size()) + header + std::string(data_bytes, 'x');
}

std::size_t files_in(const fs::path& folder) {
  return std::size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

class SafetensorsTest : public testing::Test {
 protected:
  [[nodiscard]] fs::path file() const { return folder_ / "t.safetensors"; }
  SafetensorsFile open(const std::string& bytes) const {
    put(file(), bytes);
    return SafetensorsFile(file());
  }

  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

/// Three tensors of different types, one a scalar and one empty.
std::vector<TensorToWrite> some_tensors() {
  static const std::array<float, 6> floats = {1, 2, 3, 4, 5, 6};
  static const std::array<std::int64_t, 1> integer = {-7};
  return {{"b.weight", StoredType::f32, {2, 3}, std::as_bytes(std::span(floats))},
          {"empty", StoredType::bf16, {0, 5}, {}},
          {"a \"scalar\" ü", StoredType::i64, {}, std::as_bytes(std::span(integer))}};
}

TEST_F(SafetensorsTest, WhatIsWrittenIsReadBack) {
  write_safetensors(file(), some_tensors());
  const SafetensorsFile read(file());
  ASSERT_EQ(read.entries().size(), 3U);
  for (const TensorToWrite& tensor : some_tensors()) {
    const SafetensorsFile::Entry& entry = read.at(tensor.name);
    EXPECT_EQ(entry.type, tensor.type);
    EXPECT_EQ(entry.shape, tensor.shape);
    EXPECT_TRUE(std::equal(entry.bytes.begin(), entry.bytes.end(), tensor.bytes.begin(), tensor.bytes.end()));
  }
  EXPECT_EQ(read.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  EXPECT_EQ(files_in(folder_.path()), 1U) << "no temporary file stays";
}

TEST_F(SafetensorsTest, HeaderIsPaddedAndTensorsLieInTheOrderGiven) {
  write_safetensors(file(), some_tensors());
  const std::string bytes = read_file(file());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U);
  EXPECT_EQ(bytes.size(), 8 + length + 24 + 8);
  const SafetensorsFile read(file());
  EXPECT_LT(read.at("b.weight").bytes.data(), read.at("a \"scalar\" ü").bytes.data());
}

TEST_F(SafetensorsTest, EveryTypeHasItsNameAndSize) {
  const std::vector<std::pair<std::string, std::size_t>> types = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},  {"I32", 4},     {"I16", 2},    {"I8", 1},
      {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  for (const auto& [name, size] : types) {
    const SafetensorsFile read =
        open(raw(fmt::format(R"({{"t":{{"dtype":"{}","shape":[3],"data_offsets":[0,{}]}}}})", name, 3 * size),
                 3 * size));
    EXPECT_EQ(to_string(read.at("t").type), name);
    EXPECT_EQ(size_of(read.at("t").type), size);
  }
}

TEST_F(SafetensorsTest, FilesWithoutTensorsOrMetadataAreValid) {
  EXPECT_TRUE(open(raw("{}", 0)).entries().empty());
  EXPECT_TRUE(open(raw(R"({"__metadata__":{"a":"b"}}   )", 0)).entries().empty());
}

TEST_F(SafetensorsTest, RefusalsAreOneShortPrintableLine) {
  const std::string name = R"(a\nb\u001b[31mü)" + std::string(100'000, 'x');
  const std::vector<std::string> headers = {
      "{\"" + name + "\":[1]}", "{\"" + name,
      R"({"t":{"dtype":"U8","data_offsets":[0,0],"shape":[)" + std::string(50'000, '1') + "]}}"};
  for (const std::string& header : headers) {
    try {
      open(raw(header, 0));
      ADD_FAILURE() << header.substr(0, 40);
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_LT(message.size(), 500U);
      EXPECT_EQ(std::count_if(message.begin(), message.end(), [](unsigned char c) { return c < ' '; }), 0);
    }
  }
  expect_error(ExitCode::input, {R"(tensor 'a\nb\u001b[31m\u00fcx)", "xx...': is not described"},
               [&] { open(raw(headers[0], 0)); });
}

struct Lie {
  std::string header;
  std::size_t data_bytes;
  std::string said;
};

TEST_F(SafetensorsTest, LyingHeadersAreRefused) {
  const std::string ok = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  const std::vector<Lie> lies = {
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 8, "not valid JSON"},
      {"\xff\xfe{}", 0, "not valid JSON"},
      {"[]", 0, "expected an object"},
      {"{\"t\":{" + ok + "},\"t\":{" + ok + "}}", 8, "\"t\" stands twice"},
      {"{\"t\":{" + ok + ",\"dtype\":\"F64\"}}", 8, "\"dtype\" stands twice"},
      {R"({"t":[1,2]})", 8, "tensor 't': is not described by an object"},
      {R"({"t":{"shape":[2],"data_offsets":[0,8]}})", 8, "tensor 't': has no dtype"},
      {R"({"t":{"dtype":"F32","data_offsets":[0,8]}})", 8, "tensor 't': has no shape"},
      {R"({"t":{"dtype":"F32","shape":[2]}})", 8, "tensor 't': has no data_offsets"},
      {R"({"t":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})", 8, "dtype is \"F33\""},
      {R"({"t":{"dtype":32,"shape":[2],"data_offsets":[0,8]}})", 8, "dtype is 32"},
      {R"({"t":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8, "shape is [-2]"},
      {R"({"t":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8, "shape is [2.0]"},
      {R"({"t":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", 8, "shape is 2"},
      {R"({"t":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]}})", 8, "shape is [1844"},
      {R"({"t":{"dtype":"F32","shape":[1e3],"data_offsets":[0,8]}})", 8, "shape is [1000.0]"},
      {R"({"t":{"dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8]}})", 8, "overflows"},
      {R"({"t":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]}})", 8, "overflows"},
      {R"({"t":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8, "span 8 bytes, expected 12"},
      {R"({"t":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}})", 8, "span 8 bytes, expected 16"},
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8, "data_offsets is [8,0]"},
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", 8, "data_offsets is [-8,0]"},
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8,16]}})", 8, "data_offsets is [0,8,16]"},
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7, "end at byte 8, but only 7 bytes"},
      {R"({"t":{"dtype":"U8","shape":[9],"data_offsets":[18446744073709551607,18446744073709551615]}})", 8,
       "but only 8 bytes"},
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9, "1 bytes follow the last tensor"},
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12,
       "begins at byte 4 of the data, expected 0"},
      {R"({"s":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"t":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
       12, "'t' begins at byte 4 of the data, expected 8 (it overlaps another)"},
      {R"({"s":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"t":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}})",
       20, "'t' begins at byte 12 of the data, expected 8 (a hole)"},
      {R"({"__metadata__":{"format":1}})", 0, "__metadata__ is {\"format\":1}"},
      {R"({"__metadata__":"pt"})", 0, "__metadata__ is \"pt\""},
      {std::string(200'000, '['), 0, "nested 101 deep, expected at most 100"}};
  for (const Lie& lie : lies) {
    SCOPED_TRACE(lie.header.substr(0, 200));
    expect_error(ExitCode::input, {file().string(), lie.said},
                 [&] { open(raw(lie.header, lie.data_bytes)); });
  }
}

TEST_F(SafetensorsTest, LyingHeaderLengthsAreRefused) {
  const std::string header = "{}";
  expect_error(ExitCode::input, {"header length of 3 bytes, but only 2"},
               [&] { open(length_bytes(3) + header); });
  expect_error(ExitCode::input, {"header length of 100000001 bytes, expected at most 100000000"},
               [&] { open(length_bytes(100'000'001) + header); });
  expect_error(ExitCode::input, {"header length of 18446744073709551615"},
               [&] { open(length_bytes(~std::uint64_t{0}) + header); });
  expect_error(ExitCode::input, {"not valid JSON"}, [&] { open(length_bytes(0) + header); });
  expect_error(ExitCode::input, {"has 0 bytes"}, [&] { open(""); });
  expect_error(ExitCode::input, {"has 7 bytes"}, [&] { open("1234567"); });
}

TEST_F(SafetensorsTest, WhatIsNoFileIsRefused) {
  expect_error(ExitCode::input, {"none.safetensors", "No such file"},
               [&] { SafetensorsFile(folder_ / "none.safetensors"); });
  expect_error(ExitCode::input, {folder_.path().string(), "not a regular file"},
               [&] { SafetensorsFile{folder_.path()}; });
  const SafetensorsFile read = open(raw("{}", 0));
  expect_error(ExitCode::input, {file().string(), "has no tensor 'w'"},
               [&] { static_cast<void>(read.at("w")); });
}

TEST_F(SafetensorsTest, EveryTruncationIsRefused) {
  write_safetensors(file(), some_tensors());
  const std::string whole = read_file(file());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    expect_error(ExitCode::input, {file().string()}, [&] { open(whole.substr(0, size)); });
  }
  EXPECT_EQ(open(whole).entries().size(), 3U);
}

TEST_F(SafetensorsTest, RandomlyDamagedHeadersNeverReadOutsideTheFile) {
  write_safetensors(file(), some_tensors());
  const std::string whole = read_file(file());
  std::mt19937 random(7);
  int opened = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::string damaged = whole;
    const auto hits = 1 + random() % 3;
    for (unsigned hit = 0; hit < hits; ++hit) {
      damaged[random() % (whole.size() - 32)] = "0123456789[]{},:\"x-"[random() % 19];
    }
    try {
      const SafetensorsFile read = open(damaged);
      std::size_t read_bytes = 0;
      for (const auto& [name, entry] : read.entries()) {
        for (const std::byte byte : entry.bytes) {
          volatile std::byte touched = byte;
          static_cast<void>(touched);
          ++read_bytes;
        }
      }
      EXPECT_LE(read_bytes, damaged.size());
      ++opened;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::input) << error.what();
    }
  }
  EXPECT_GT(opened, 0) << "some damage only changes a name";
  EXPECT_LT(opened, 1000);
}

TEST_F(SafetensorsTest, WriterRefusesWhatDoesNotMatchItsHeader) {
  std::vector<TensorToWrite> tensors = some_tensors();
  tensors[0].shape = {7};
  expect_error(ExitCode::internal, {"'b.weight' is given 24 bytes, expected 28"},
               [&] { write_safetensors(file(), tensors); });
  tensors = some_tensors();
  tensors[1].name = tensors[0].name;
  expect_error(ExitCode::internal, {"'b.weight' is to be written twice"},
               [&] { write_safetensors(file(), tensors); });
  const std::array<std::byte, 3> bytes{};
  const auto written = [&](std::size_t first, std::size_t second) {
    SafetensorsWriter writer(file(), {{"t", StoredType::u8, {4}}});
    writer.add(std::span(bytes).first(first));
    writer.add(std::span(bytes).first(second));
    writer.finish();
  };
  expect_error(ExitCode::internal, {"'t' is given 3 bytes, expected 4 for U8 [4]"}, [&] { written(2, 1); });
  expect_error(ExitCode::internal, {"'t' is given 5 bytes, expected 4 for U8 [4]"}, [&] { written(2, 3); });
  EXPECT_EQ(files_in(folder_.path()), 0U);
  written(3, 1);
  EXPECT_EQ(SafetensorsFile(file()).at("t").bytes.size(), 4U);
}

TEST_F(SafetensorsTest, FolderThatIsNotThereIsNamed) {
  expect_error(ExitCode::write, {"gone/t.safetensors", "No such file or directory"},
               [&] { write_safetensors(folder_ / "gone/t.safetensors", some_tensors()); });
}

TEST_F(SafetensorsTest, FullDiskLeavesTheOldFileAndNothingElse) {
  put(file(), "the old one");
  const std::vector<TensorToWrite> tensors = some_tensors();
  write_safetensors(folder_ / "whole", tensors);
  const std::uintmax_t size = fs::file_size(folder_ / "whole");
  fs::remove(folder_ / "whole");
  for (std::uintmax_t limit = 0; limit < size; limit += 5) {
    std::string message;
    {
      const FileSizeLimit full(limit);
      try {
        write_safetensors(file(), tensors);
      } catch (const Error& error) {
        message = error.what();
        EXPECT_EQ(error.code(), ExitCode::write);
      }
    }
    EXPECT_EQ(message, file().string() + ": cannot be written: File too large") << limit;
    EXPECT_EQ(read_file(file()), "the old one");
    EXPECT_EQ(files_in(folder_.path()), 1U);
  }
  const FileSizeLimit enough(size);
  write_safetensors(file(), tensors);
  EXPECT_EQ(fs::file_size(file()), size);
}

}  // namespace
}  // namespace lift
