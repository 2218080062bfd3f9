#include "solvers/probe_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/petsc.hpp"
#include "solvers/row_exchange.hpp"

namespace lift {

struct ProbeMatrix::Storage {
  MatHandle mat;
  double* values = nullptr;  ///< this rank's shard, owned by `mat`
};

namespace {

/// Turns `count` floats that stand at the end of the 8·count bytes at `column` into doubles from its start:
/// the k-th double ends before the (k+1)-th float begins.
void widen_in_place(double* column, std::int64_t count) {
  const std::byte* floats = reinterpret_cast<const std::byte*>(column) + count * sizeof(float);
  for (std::int64_t k = 0; k < count; ++k) {
    float narrow;
    std::memcpy(&narrow, floats + k * sizeof(float), sizeof(float));
    column[k] = narrow;
  }
}

void check_row(const ProbeMatrix& a, std::span<const std::int64_t> rows, std::size_t length) {
  const std::int64_t mine = rows[static_cast<std::size_t>(a.comm().rank())];
  if (mine < -1 || mine >= a.rows()) {
    throw Error(ExitCode::internal,
                fmt::format("probe row {} is out of range: expected -1 (none) to {}", mine, a.rows() - 1));
  }
  const std::int64_t expected = mine < 0 ? 0 : a.coordinates();
  if (static_cast<std::int64_t>(length) != expected) {
    throw Error(ExitCode::internal,
                fmt::format("probe row {} has {} entries, expected {}", mine, length, expected));
  }
  if (mine >= 0 && std::count(rows.begin(), rows.end(), mine) > 1) {
    throw Error(ExitCode::internal, fmt::format("probe row {} was handed over by two ranks at once", mine));
  }
}

template <typename T>
void insert_rows(ProbeMatrix& a, int row, std::span<const T> values) {
  const auto& comm = a.comm();
  const auto rows = gather_values(static_cast<std::int64_t>(row), comm);
  const auto widths = gather_values(static_cast<std::int64_t>(sizeof(T)), comm);
  agree(comm, [&] {
    check_row(a, rows, values.size());
    if (std::ranges::adjacent_find(widths, std::not_equal_to<>{}) != widths.end())
      throw Error(ExitCode::internal, "probe rows of float and of double were handed over at once");
  });

  // Floats go to the end of their column, where they can be widened without a second buffer.
  const std::int64_t size = a.layout().size(comm.rank());
  const std::int64_t offset = size * static_cast<std::int64_t>(sizeof(double) - sizeof(T));
  std::vector<std::byte*> receive(rows.size(), nullptr);
  for (std::size_t source = 0; source < rows.size(); ++source) {
    if (rows[source] < 0) continue;
    receive[source] = reinterpret_cast<std::byte*>(a.local().data() + rows[source] * size) + offset;
  }
  deal_out_rows<T>(values, receive, a.layout(), comm);
  if constexpr (sizeof(T) < sizeof(double)) {
    for (const std::int64_t filled : rows) {
      if (filled >= 0) widen_in_place(a.local().data() + filled * size, size);
    }
  }
}

}  // namespace

ProbeMatrix::ProbeMatrix(std::int64_t coordinates, int rows, const Communicator& comm)
    : storage_(std::make_unique<Storage>()), comm_(&comm), layout_(coordinates, comm.size()), rows_(rows) {
  if (rows < 1) {
    throw Error(ExitCode::internal, fmt::format("a probe matrix needs at least one row, not {}", rows));
  }
  const std::int64_t size = layout_.size(comm.rank());
  check_petsc(
      MatCreateDense(comm.handle(), size, PETSC_DECIDE, coordinates, rows, nullptr, storage_->mat.out()),
      "MatCreateDense");
  // The array stays where it is as long as the matrix lives.
  check_petsc(MatDenseGetArray(storage_->mat.get(), &storage_->values), "MatDenseGetArray");
  double* returned = storage_->values;
  check_petsc(MatDenseRestoreArray(storage_->mat.get(), &returned), "MatDenseRestoreArray");
}

ProbeMatrix::ProbeMatrix(ProbeMatrix&&) noexcept = default;
ProbeMatrix& ProbeMatrix::operator=(ProbeMatrix&&) noexcept = default;
ProbeMatrix::~ProbeMatrix() = default;

void ProbeMatrix::insert(int row, std::span<const double> values) {
  insert_rows(*this, row, values);
}
void ProbeMatrix::insert(int row, std::span<const float> values) {
  insert_rows(*this, row, values);
}

std::span<const double> ProbeMatrix::local() const {
  return {storage_->values, static_cast<std::size_t>(layout_.size(comm_->rank()) * rows_)};
}
std::span<double> ProbeMatrix::local() {
  return {storage_->values, static_cast<std::size_t>(layout_.size(comm_->rank()) * rows_)};
}

}  // namespace lift
