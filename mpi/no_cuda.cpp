// What device.hpp and staging.hpp promise of a build without CUDA.
#include <fmt/format.h>

#include "mpi/device.hpp"
#include "mpi/error.hpp"
#include "mpi/staging.hpp"

namespace lift {

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ExitCode::internal, what + " in a build without CUDA (LIFT_CUDA=OFF)");
}

}  // namespace

std::vector<Device> visible_devices() {
  return {};
}

void select_device(int device) {
  if (device != -1) refuse(fmt::format("device {} was asked for", device));
}

Staging::Staging(std::size_t bytes) {
  refuse(fmt::format("a buffer of {} bytes in device memory", bytes));
}
Staging::~Staging() = default;
void Staging::load(const void* /*device*/, std::size_t bytes, void* /*stream*/) {
  refuse(fmt::format("{} bytes from a device", bytes));
}
void Staging::store(void* /*device*/, std::size_t bytes, void* /*stream*/) const {
  refuse(fmt::format("{} bytes to a device", bytes));
}

}  // namespace lift
