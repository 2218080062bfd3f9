#pragma once
#include <ATen/core/Tensor.h>

#include "src/model/safetensors.hpp"

namespace lift {

/// A copy of a stored tensor in its own type, on the CPU: the mapped bytes need be neither aligned nor kept.
///
/// Throws  Error(internal) for a type that holds no floating-point numbers LiFT computes with.
/// Test    tests/src/model/test_checkpoint.cpp
at::Tensor to_tensor(const SafetensorsFile::Entry& entry);

/// How a floating-point type is called in a safetensors file. Throws Error(internal) for any other type.
StoredType stored_type(at::ScalarType type);

/// The bytes of a contiguous tensor on the CPU, which must outlive them.
std::span<const std::byte> bytes_of(const at::Tensor& tensor);

}  // namespace lift
