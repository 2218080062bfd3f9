#pragma once
#include <cstdint>
#include <span>

#include "mpi/communicator.hpp"

namespace lift {

enum class Reduction { sum, max };

/// MPI's name of a C++ type.
template <typename Value>
MPI_Datatype mpi_type();
template <>
inline MPI_Datatype mpi_type<std::uint8_t>() {
  return MPI_UINT8_T;
}
template <>
inline MPI_Datatype mpi_type<std::int32_t>() {
  return MPI_INT32_T;
}
template <>
inline MPI_Datatype mpi_type<std::int64_t>() {
  return MPI_INT64_T;
}
template <>
inline MPI_Datatype mpi_type<float>() {
  return MPI_FLOAT;
}
template <>
inline MPI_Datatype mpi_type<double>() {
  return MPI_DOUBLE;
}

/// The part of sum_over_ranks and max_over_ranks that works on one chunk of host memory, in place.
///
/// Collective  on `comm`, equal `values.size()` ≤ INT_MAX / 2 everywhere.
template <typename Value>
void reduce_chunk(std::span<Value> values, Reduction reduction, const Communicator& comm);

extern template void reduce_chunk(std::span<std::uint8_t>, Reduction, const Communicator&);
extern template void reduce_chunk(std::span<std::int32_t>, Reduction, const Communicator&);
extern template void reduce_chunk(std::span<std::int64_t>, Reduction, const Communicator&);
extern template void reduce_chunk(std::span<float>, Reduction, const Communicator&);
extern template void reduce_chunk(std::span<double>, Reduction, const Communicator&);

}  // namespace lift
