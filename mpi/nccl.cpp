// What nccl.hpp promises of a build with NCCL.
#include "mpi/nccl.hpp"

#include <fmt/format.h>
#include <nccl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "mpi/cuda_check.hpp"
#include "mpi/error.hpp"

namespace lift {

namespace {

/// What a communicator carries once its route is settled.
struct Route {
  ncclComm_t nccl = nullptr;  ///< null: by the host
  std::string trouble = {};   ///< why, where NCCL was tried
};

constexpr auto kPause = std::chrono::milliseconds(1);
/// Wall time after which a set-up that is still under way counts as failed.
constexpr auto kPatience = std::chrono::minutes(2);

/// The result of a call on a communicator that does not block, once it is known.
ncclResult_t finished(ncclComm_t nccl, ncclResult_t result) {
  while (result == ncclInProgress) {
    std::this_thread::yield();
    if (const ncclResult_t asked = ncclCommGetAsyncError(nccl, &result); asked != ncclSuccess) return asked;
  }
  return result;
}

void check_nccl(ncclComm_t nccl, ncclResult_t result, const char* call) {
  result = finished(nccl, result);
  if (result == ncclSuccess) return;
  throw Error(ExitCode::internal,
              fmt::format("{} failed: {} ({})", call, ncclGetErrorString(result), ncclGetLastError(nccl)));
}

/// Called by MPI_Comm_free. A rank that unwinds alone must not wait for the others: then the communicator is
/// aborted, which frees it without them.
int free_route(MPI_Comm /*comm*/, int /*key*/, void* value, void* /*extra*/) {
  const std::unique_ptr<Route> route(static_cast<Route*>(value));
  if (route->nccl == nullptr) return MPI_SUCCESS;
  if (std::uncaught_exceptions() > 0) {
    return ncclCommAbort(route->nccl) == ncclSuccess ? MPI_SUCCESS : MPI_ERR_OTHER;
  }
  const ncclResult_t flushed = finished(route->nccl, ncclCommFinalize(route->nccl));
  const ncclResult_t freed = ncclCommDestroy(route->nccl);
  return flushed == ncclSuccess && freed == ncclSuccess ? MPI_SUCCESS : MPI_ERR_OTHER;
}

int route_key() {
  static const int key = [] {
    int made = MPI_KEYVAL_INVALID;
    check_mpi(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, free_route, &made, nullptr),
              "MPI_Comm_create_keyval");
    return made;
  }();
  return key;
}

std::vector<std::string> gather_uuids(const Communicator& comm) {
  std::array<char, 64> mine{};
  current_device_uuid().copy(mine.data(), mine.size() - 1);
  std::vector<std::array<char, 64>> all(static_cast<std::size_t>(comm.size()));
  check_mpi(MPI_Allgather(mine.data(), static_cast<int>(mine.size()), MPI_CHAR, all.data(),
                          static_cast<int>(mine.size()), MPI_CHAR, comm.handle()),
            "MPI_Allgather");
  std::vector<std::string> uuids;
  for (const auto& text : all) uuids.emplace_back(text.data());
  return uuids;
}

/// How far a rank is with its NCCL communicator; the ranks go on with the largest of theirs.
enum Progress : std::int64_t { kReady = 0, kUnderWay = 1, kFailed = 2 };

Progress progress_of(ncclResult_t result) {
  if (result == ncclSuccess) return kReady;
  return result == ncclInProgress ? kUnderWay : kFailed;
}

/// Rank 0's id for a new NCCL communicator, on all ranks; false on all if NCCL gives none. A library older
/// than the header does not know the header's ncclConfig_t.
bool share_id(ncclUniqueId& id, const Communicator& comm) {
  int version = 0;
  const bool fits = ncclGetVersion(&version) == ncclSuccess && version >= NCCL_VERSION_CODE;
  const bool made = fits && (!comm.is_root() || ncclGetUniqueId(&id) == ncclSuccess);
  if (max_over_ranks(std::int64_t{made ? kReady : kFailed}, comm) != kReady) return false;
  check_mpi(MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, comm.handle()), "MPI_Bcast");
  return true;
}

/// A new NCCL communicator of the ranks of `comm`, or on all of them none.
Route make_nccl(const Communicator& comm) {
  ncclUniqueId id{};
  if (!share_id(id, comm)) return {nullptr, "it gives no id, or is older than its header"};
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t nccl = nullptr;
  const auto start = std::chrono::steady_clock::now();
  bool late = false;
  ncclResult_t result = ncclCommInitRankConfig(&nccl, comm.size(), id, comm.rank(), &config);
  for (;;) {
    const std::int64_t slowest = max_over_ranks(std::int64_t{progress_of(result)}, comm);
    if (slowest == kReady) return {nccl};
    if (slowest == kFailed) break;
    std::this_thread::sleep_for(kPause);
    if (result == ncclInProgress && ncclCommGetAsyncError(nccl, &result) != ncclSuccess) {
      result = ncclInternalError;
    }
    late = std::chrono::steady_clock::now() - start > kPatience;
    if (late) result = ncclInternalError;
  }
  std::string trouble;
  if (progress_of(result) == kFailed)
    trouble = late ? "not set up within two minutes" : ncclGetErrorString(result);
  if (nccl == nullptr) return {nullptr, std::move(trouble)};
  if (!trouble.empty()) trouble += fmt::format(" ({})", ncclGetLastError(nccl));
  ncclCommAbort(nccl);  // the setup has failed already: nothing more to say of this
  return {nullptr, std::move(trouble)};
}

const Route& route_of(const Communicator& comm) {
  void* kept = nullptr;
  int found = 0;
  check_mpi(MPI_Comm_get_attr(comm.handle(), route_key(), &kept, &found), "MPI_Comm_get_attr");
  if (found != 0) return *static_cast<Route*>(kept);
  auto route = std::make_unique<Route>();
  if (device_route(gather_uuids(comm)) == DeviceRoute::nccl) *route = make_nccl(comm);
  check_mpi(MPI_Comm_set_attr(comm.handle(), route_key(), route.get()), "MPI_Comm_set_attr");
  return *route.release();
}

/// The NCCL communicator that moves `buffer`; null where the host does, as it must if one rank holds its own
/// in host memory.
ncclComm_t nccl_for(const Buffer& buffer, const Communicator& comm) {
  const bool here = buffer.memory == Memory::device;
  if (!here && !buffer.mixed) return nullptr;
  const bool everywhere = max_over_ranks(std::int64_t{here ? 0 : 1}, comm) == 0;
  return everywhere ? route_of(comm).nccl : nullptr;
}

ncclDataType_t nccl_type(DataType type) {
  switch (type) {
    case DataType::u8:
      return ncclUint8;
    case DataType::i32:
      return ncclInt32;
    case DataType::i64:
      return ncclInt64;
    case DataType::f32:
      return ncclFloat32;
    case DataType::f64:
      return ncclFloat64;
  }
  throw Error(ExitCode::internal, "a buffer of unknown type");
}

}  // namespace

DeviceRoute settled_route(const Communicator& comm) {
  return route_of(comm).nccl != nullptr ? DeviceRoute::nccl : DeviceRoute::host;
}

std::string route_trouble(const Communicator& comm) {
  return route_of(comm).trouble;
}

bool sum_by_nccl(const Buffer& buffer, const Communicator& comm) {
  const ncclComm_t nccl = nccl_for(buffer, comm);
  if (nccl == nullptr) return false;
  check_nccl(nccl,
             ncclAllReduce(buffer.data, buffer.data, buffer.count, nccl_type(buffer.type), ncclSum, nccl,
                           static_cast<cudaStream_t>(buffer.stream)),
             "ncclAllReduce");
  return true;
}

bool broadcast_by_nccl(const Buffer& buffer, int root, const Communicator& comm) {
  const ncclComm_t nccl = nccl_for(buffer, comm);
  if (nccl == nullptr) return false;
  check_nccl(nccl,
             ncclBroadcast(buffer.data, buffer.data, buffer.count, nccl_type(buffer.type), root, nccl,
                           static_cast<cudaStream_t>(buffer.stream)),
             "ncclBroadcast");
  return true;
}

}  // namespace lift
