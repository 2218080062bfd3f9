#include "src/model/stored_tensor.hpp"

#include <ATen/ops/empty.h>

#include <cstring>
#include <string>

#include "mpi/error.hpp"

namespace lift {
namespace {

at::ScalarType scalar_type(StoredType type) {
  switch (type) {
    case StoredType::f64:
      return at::kDouble;
    case StoredType::f32:
      return at::kFloat;
    case StoredType::f16:
      return at::kHalf;
    case StoredType::bf16:
      return at::kBFloat16;
    default:
      throw Error(ExitCode::internal, std::string("no floating-point tensor: ") + to_string(type));
  }
}

}  // namespace

at::Tensor to_tensor(const SafetensorsFile::Entry& entry) {
  at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(scalar_type(entry.type)));
  if (!entry.bytes.empty()) std::memcpy(tensor.data_ptr(), entry.bytes.data(), entry.bytes.size());
  return tensor;
}

StoredType stored_type(at::ScalarType type) {
  for (const StoredType stored : {StoredType::f64, StoredType::f32, StoredType::f16, StoredType::bf16})
    if (scalar_type(stored) == type) return stored;
  throw Error(ExitCode::internal, std::string("no floating-point type to store: ") + c10::toString(type));
}

std::span<const std::byte> bytes_of(const at::Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()};
}

}  // namespace lift
