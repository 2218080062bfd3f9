#pragma once
#include <ATen/Context.h>
#include <c10/core/Device.h>
#include <fmt/format.h>

#include <string>

#include "mpi/device.hpp"
#include "mpi/error.hpp"

namespace lift {

/// Where a benchmark computes.
struct BenchDevice {
  at::Device device = at::kCPU;
  std::string name = "cpu";  ///< or that of the accelerator
};

/// The device that `--device NAME` means: cpu, or cuda for the first one visible, which it makes current.
/// Matrix products are set as `lift` sets them: no TF32, sums of bfloat16 products in float32.
///
/// Throws  Error(usage) for any other name, and for cuda where none is visible or the build has no CUDA.
inline BenchDevice use_device(const std::string& name) {
  at::globalContext().setFloat32MatmulPrecision("highest");
  at::globalContext().setAllowBF16ReductionCuBLAS(false);
  if (name == "cpu") return {};
  if (name != "cuda")
    throw Error(ExitCode::usage, fmt::format("--device {} is unknown, expected cpu or cuda", name));
  const auto visible = visible_devices();
  if (visible.empty())
    throw Error(ExitCode::usage,
                "--device cuda: no CUDA device is visible to this build (preset cuda has CUDA)");
  const Device& first = visible.front();
  select_device(first.index);
  return {at::Device(at::kCUDA, static_cast<at::DeviceIndex>(first.index)), first.name};
}

}  // namespace lift
