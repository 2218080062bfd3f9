#include "src/model/safetensors.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "mpi/error.hpp"
#include "src/model/json_file.hpp"

namespace lift {
namespace {

using Json = nlohmann::json;
using Entry = SafetensorsFile::Entry;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // as the reference implementation

struct TypeRow {
  StoredType type;
  const char* name;
  std::size_t size;
};
constexpr std::array<TypeRow, 15> kTypes = {{{StoredType::f64, "F64", 8},
                                             {StoredType::f32, "F32", 4},
                                             {StoredType::f16, "F16", 2},
                                             {StoredType::bf16, "BF16", 2},
                                             {StoredType::i64, "I64", 8},
                                             {StoredType::i32, "I32", 4},
                                             {StoredType::i16, "I16", 2},
                                             {StoredType::i8, "I8", 1},
                                             {StoredType::u64, "U64", 8},
                                             {StoredType::u32, "U32", 4},
                                             {StoredType::u16, "U16", 2},
                                             {StoredType::u8, "U8", 1},
                                             {StoredType::boolean, "BOOL", 1},
                                             {StoredType::f8_e4m3, "F8_E4M3", 1},
                                             {StoredType::f8_e5m2, "F8_E5M2", 1}}};

const TypeRow& row(StoredType type) noexcept {
  return *std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& r) { return r.type == type; });
}

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(ExitCode::input, where + ": " + what);
}

class FileDescriptor {
 public:
  explicit FileDescriptor(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) refuse(path.string(), fmt::format("cannot be read: {}", std::strerror(errno)));
  }
  ~FileDescriptor() { ::close(fd_); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

/// One tensor's line of the header, checked against the `available` bytes that follow the header.
class TensorLine {
 public:
  TensorLine(const std::string& file, const std::string& name, const Json& json)
      : where_(fmt::format("{}: tensor '{}'", file, shortened_name(name))), json_(json) {
    if (!json_.is_object())
      refuse(where_, "is not described by an object with dtype, shape and data_offsets");
  }

  [[nodiscard]] Entry read(std::span<const std::byte> data) const {
    const TypeRow& type = read_type();
    Entry entry{type.type, read_shape(), {}};
    const auto [begin, end] = read_offsets(data.size());
    const std::optional<std::uint64_t> bytes = bytes_of(entry.shape, type.size);
    if (!bytes) refuse(where_, fmt::format("the shape {} overflows 64 bits", shortened(entry.shape)));
    if (end - begin != *bytes) {
      refuse(where_, fmt::format("data_offsets span {} bytes, expected {} for {} {}", end - begin, *bytes,
                                 type.name, shortened(entry.shape)));
    }
    entry.bytes = data.subspan(begin, end - begin);
    return entry;
  }

 private:
  [[nodiscard]] const Json& member(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end()) refuse(where_, fmt::format("has no {}", key));
    return *found;
  }

  [[nodiscard]] const TypeRow& read_type() const {
    const Json& name = member("dtype");
    const auto found =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& r) { return name == r.name; });
    if (found == kTypes.end()) {
      refuse(where_, fmt::format("dtype is {}, expected a type such as \"F32\"", shortened(name)));
    }
    return *found;
  }

  [[nodiscard]] std::vector<std::int64_t> read_shape() const {
    const Json& json = member("shape");
    const auto is_extent = [](const Json& extent) {
      return extent.is_number_unsigned() &&
             extent.get<std::uint64_t>() <= std::uint64_t(std::numeric_limits<std::int64_t>::max());
    };
    if (!json.is_array() || !std::all_of(json.begin(), json.end(), is_extent)) {
      refuse(where_, fmt::format("shape is {}, expected whole numbers from 0", shortened(json)));
    }
    return json.get<std::vector<std::int64_t>>();
  }

  [[nodiscard]] std::array<std::uint64_t, 2> read_offsets(std::uint64_t available) const {
    const Json& json = member("data_offsets");
    if (!json.is_array() || json.size() != 2 || !json[0].is_number_unsigned() ||
        !json[1].is_number_unsigned() || json[0].get<std::uint64_t>() > json[1].get<std::uint64_t>()) {
      refuse(where_, fmt::format("data_offsets is {}, expected [begin, end]", shortened(json)));
    }
    const auto offsets = json.get<std::array<std::uint64_t, 2>>();
    if (offsets[1] > available) {
      refuse(where_,
             fmt::format("data_offsets end at byte {}, but only {} bytes follow the header (the file is "
                         "truncated, or its header wrong)",
                         offsets[1], available));
    }
    return offsets;
  }

  static std::optional<std::uint64_t> bytes_of(const std::vector<std::int64_t>& shape, std::uint64_t size) {
    std::uint64_t product = size;
    for (const std::int64_t extent : shape) {
      if (__builtin_mul_overflow(product, std::uint64_t(extent), &product)) return std::nullopt;
    }
    return product;
  }

  std::string where_;
  const Json& json_;
};

/// The tensors must fill the `data` behind the header without overlap or hole.
void check_tiling(const std::string& file, const std::map<std::string, Entry>& entries,
                  std::span<const std::byte> data) {
  struct Piece {
    std::uint64_t begin, end;
    const std::string* name;
  };
  std::vector<Piece> pieces;
  for (const auto& [name, entry] : entries) {
    const auto begin = std::uint64_t(entry.bytes.data() - data.data());
    pieces.push_back({begin, begin + entry.bytes.size(), &name});
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t filled = 0;
  for (const Piece& piece : pieces) {
    if (piece.begin != filled) {
      refuse(file, fmt::format("tensor '{}' begins at byte {} of the data, expected {} ({})",
                               shortened_name(*piece.name), piece.begin, filled,
                               piece.begin < filled ? "it overlaps another" : "a hole"));
    }
    filled = piece.end;
  }
  if (filled != data.size()) {
    refuse(file, fmt::format("{} bytes follow the last tensor, expected none", data.size() - filled));
  }
}

std::map<std::string, std::string> read_metadata(const std::string& file, const Json& json) {
  const auto is_text = [](const Json& value) { return value.is_string(); };
  if (!json.is_object() || !std::all_of(json.begin(), json.end(), is_text)) {
    refuse(file, fmt::format("__metadata__ is {}, expected an object of strings", shortened(json)));
  }
  return json.get<std::map<std::string, std::string>>();
}

/// Splits a file into its header's text and the data behind it.
std::pair<std::string_view, std::span<const std::byte>> split_header(const std::string& file,
                                                                     std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) {
    refuse(file, fmt::format("has {} bytes, expected a safetensors header of at least {}", bytes.size(),
                             kLengthBytes));
  }
  std::uint64_t length = 0;
  for (std::size_t k = 0; k < kLengthBytes; ++k)
    length |= std::to_integer<std::uint64_t>(bytes[k]) << (8 * k);
  if (length > kMostHeaderBytes) {
    refuse(file,
           fmt::format("gives a header length of {} bytes, expected at most {} (not a safetensors file?)",
                       length, kMostHeaderBytes));
  }
  if (length > bytes.size() - kLengthBytes) {
    refuse(file, fmt::format("gives a header length of {} bytes, but only {} bytes follow (truncated?)",
                             length, bytes.size() - kLengthBytes));
  }
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + kLengthBytes;
  return {std::string_view(text, length), bytes.subspan(kLengthBytes + length)};
}

}  // namespace

std::size_t size_of(StoredType type) noexcept {
  return row(type).size;
}
const char* to_string(StoredType type) noexcept {
  return row(type).name;
}
std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

struct SafetensorsFile::Mapping {
  explicit Mapping(const std::filesystem::path& path) {
    const FileDescriptor file(path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) refuse(path.string(), std::strerror(errno));
    if (!S_ISREG(status.st_mode)) refuse(path.string(), "is not a regular file");
    size = std::size_t(status.st_size);
    if (size == 0) return;
    address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address == MAP_FAILED) {
      refuse(path.string(), fmt::format("cannot be mapped into memory: {}", std::strerror(errno)));
    }
  }
  ~Mapping() {
    if (size > 0) ::munmap(address, size);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(address), size};
  }

  void* address = nullptr;
  std::size_t size = 0;
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : path_(path), mapping_(std::make_unique<Mapping>(path)) {
  const std::string file = path.string();
  const auto [header, data] = split_header(file, mapping_->bytes());
  const Json json = parse_json_object(header, file + ": header");
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      metadata_ = read_metadata(file, value);
    } else {
      entries_.emplace(name, TensorLine(file, name, value).read(data));
    }
  }
  check_tiling(file, entries_, data);
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

const SafetensorsFile::Entry& SafetensorsFile::at(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end())
    refuse(path_.string(), fmt::format("has no tensor '{}'", shortened_name(name)));
  return found->second;
}

}  // namespace lift
