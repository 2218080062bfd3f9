#include "jobs/lp_instance.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/model/safetensors.hpp"

namespace lift {
namespace {

using Entry = SafetensorsFile::Entry;

struct Shape {
  int rows = 0;
  std::int64_t coordinates = 0;
};

[[noreturn]] void refuse(const SafetensorsFile& file, const char* name, const std::string& what) {
  throw Error(ExitCode::input, fmt::format("{}: tensor {} {}", file.path().string(), name, what));
}

const Entry& floating_tensor(const SafetensorsFile& file, const char* name) {
  const Entry& entry = file.at(name);
  if (entry.type != StoredType::f64 && entry.type != StoredType::f32) {
    refuse(file, name, fmt::format("is {}; expected F64 or F32", to_string(entry.type)));
  }
  return entry;
}

/// Shapes are settled before anything is allocated by them.
Shape check_shapes(const SafetensorsFile& file) {
  const std::vector<std::int64_t>& a = floating_tensor(file, "A").shape;
  constexpr auto kMostRows = std::numeric_limits<int>::max();
  if (a.size() != 2 || a[0] < 1 || a[1] < 1 || a[0] > kMostRows) {
    refuse(file, "A",
           fmt::format("has shape [{}]; expected [m, p+n] with m >= 1 and p+n >= 1", fmt::join(a, ", ")));
  }
  for (const char* name : {"g", "u"}) {
    const std::vector<std::int64_t>& shape = floating_tensor(file, name).shape;
    if (shape != std::vector{a[1]}) {
      refuse(file, name,
             fmt::format("has shape [{}]; expected [{}] as A is [{}]", fmt::join(shape, ", "), a[1],
                         fmt::join(a, ", ")));
    }
  }
  return {static_cast<int>(a[0]), a[1]};
}

/// The map need not be aligned to the type, so values are copied out of it as bytes.
template <typename Stored>
void copy_values(const std::byte* bytes, std::span<double> out) {
  for (std::size_t k = 0; k < out.size(); ++k) {
    Stored value;
    std::memcpy(&value, bytes + k * sizeof(Stored), sizeof(Stored));
    out[k] = value;
  }
}

/// out = entries first, first + 1, … of a tensor; returns whether all are finite.
bool read_values(const Entry& entry, std::int64_t first, std::span<double> out) {
  const std::byte* bytes = entry.bytes.data() + static_cast<std::size_t>(first) * size_of(entry.type);
  entry.type == StoredType::f64 ? copy_values<double>(bytes, out) : copy_values<float>(bytes, out);
  return std::ranges::all_of(out, [](double value) { return std::isfinite(value); });
}

void read_shards(const SafetensorsFile& file, LpInstance& instance) {
  const ShardMap& layout = instance.a.layout();
  const int rank = instance.a.comm().rank();
  const auto size = static_cast<std::size_t>(layout.size(rank));
  const auto read = [&](const char* name, std::int64_t first, std::span<double> out) {
    if (!read_values(file.at(name), first, out))
      refuse(file, name, "has an entry that is not finite; expected finite numbers");
  };
  for (int row = 0; row < instance.a.rows(); ++row) {
    read("A", row * layout.total() + layout.begin(rank),
         instance.a.local().subspan(static_cast<std::size_t>(row) * size, size));
  }
  read("g", layout.begin(rank), instance.g);
  read("u", layout.begin(rank), instance.u);
  if (std::ranges::any_of(instance.u, [](double bound) { return bound < 0; })) {
    refuse(file, "u", "has a negative entry; expected bounds >= 0");
  }
}

}  // namespace

LpInstance read_instance(const std::filesystem::path& path, const Communicator& comm) {
  std::optional<SafetensorsFile> file;
  Shape shape;
  agree(comm, [&] {
    file.emplace(path);
    shape = check_shapes(*file);
  });
  ProbeMatrix a(shape.coordinates, shape.rows, comm);
  const auto size = static_cast<std::size_t>(a.layout().size(comm.rank()));
  LpInstance instance{std::move(a), std::vector<double>(size), std::vector<double>(size)};
  agree(comm, [&] { read_shards(*file, instance); });
  return instance;
}

void write_direction(const std::filesystem::path& path, std::span<const double> d, const ShardMap& layout,
                     const Communicator& comm) {
  std::vector<double> all(static_cast<std::size_t>(layout.total()));
  gather_shards(d, all, layout, comm);
  agree(comm, [&] {
    if (!comm.is_root()) return;
    write_safetensors(path, {{"d", StoredType::f64, {layout.total()}, std::as_bytes(std::span(all))}});
  });
}

}  // namespace lift
