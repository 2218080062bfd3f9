#include "mpi/device.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

/// As many made-up devices as `count`, the first one's UUID ending in `first`.
std::vector<Device> devices(int count, int first = 0) {
  std::vector<Device> list;
  for (int k = 0; k < count; ++k) list.push_back({k, "Made-up 100", fmt::format("GPU-{}", first + k)});
  return list;
}

/// Sets or unsets OMP_NUM_THREADS, and puts back what was there.
class OmpThreads {
 public:
  explicit OmpThreads(const char* value) {
    if (const char* before = std::getenv(kName); before != nullptr) before_ = before;
    value == nullptr ? unsetenv(kName) : setenv(kName, value, 1);
  }
  ~OmpThreads() { before_ ? setenv(kName, before_->c_str(), 1) : unsetenv(kName); }
  OmpThreads(const OmpThreads&) = delete;
  OmpThreads& operator=(const OmpThreads&) = delete;

 private:
  static constexpr const char* kName = "OMP_NUM_THREADS";
  std::optional<std::string> before_;
};

/// Confines this process to the given cores, and puts back its mask.
class Affinity {
 public:
  explicit Affinity(const std::vector<int>& cores) {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t mask;
    CPU_ZERO(&mask);
    for (const int core : cores) CPU_SET(core, &mask);
    worked_ = sched_setaffinity(0, sizeof mask, &mask) == 0;
  }
  ~Affinity() { sched_setaffinity(0, sizeof before_, &before_); }
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;
  [[nodiscard]] bool worked() const { return worked_; }

 private:
  cpu_set_t before_{};
  bool worked_ = false;
};

std::vector<int> allowed_cores() {
  cpu_set_t mask;
  sched_getaffinity(0, sizeof mask, &mask);
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask)) cores.push_back(core);
  }
  return cores;
}

class DeviceBinding : public testing::Test {
 protected:
  void SetUp() override {
    if (node_.size() != world_.size()) GTEST_SKIP() << "made for the ranks of one host";
  }
  const Communicator world_ = Communicator::world();
  const Communicator node_ = world_.split_by_node();
};

TEST_F(DeviceBinding, NoDeviceMeansTheCpu) {
  const OmpThreads threads("3");
  const auto table = bind_devices({}, world_);
  ASSERT_EQ(std::ssize(table), world_.size());
  for (int rank = 0; rank < world_.size(); ++rank) {
    EXPECT_EQ(table[rank].rank, rank);
    EXPECT_EQ(table[rank].local_rank, rank);
    EXPECT_EQ(table[rank].host, host_name());
    EXPECT_EQ(table[rank].device, -1);
    EXPECT_EQ(table[rank].name, "cpu");
    EXPECT_EQ(table[rank].uuid, "");
    EXPECT_EQ(table[rank].threads, 3);
  }
}

TEST_F(DeviceBinding, EachRankGetsItsOwnOfACommonList) {
  const auto table = bind_devices(devices(world_.size() + 1), world_);
  for (int rank = 0; rank < world_.size(); ++rank) {
    EXPECT_EQ(table[rank].device, rank);
    EXPECT_EQ(table[rank].name, "Made-up 100");
    EXPECT_EQ(table[rank].uuid, fmt::format("GPU-{}", rank));
  }
}

TEST_F(DeviceBinding, OneVisibleDeviceARankIsFine) {
  const auto table = bind_devices(devices(1, world_.rank()), world_);
  for (int rank = 0; rank < world_.size(); ++rank) {
    EXPECT_EQ(table[rank].device, 0);
    EXPECT_EQ(table[rank].uuid, fmt::format("GPU-{}", rank));
  }
}

TEST_F(DeviceBinding, SomeRanksMayHaveNone) {
  const auto table = bind_devices(world_.is_root() ? devices(1) : devices(0), world_);
  EXPECT_EQ(table[0].device, 0);
  for (int rank = 1; rank < world_.size(); ++rank) EXPECT_EQ(table[rank].device, -1);
}

TEST_F(DeviceBinding, ASharedDeviceIsRefusedNamingBothRanks) {
  if (world_.size() == 1) GTEST_SKIP() << "needs two ranks";
  const int last = world_.size() - 1;
  try {
    bind_devices(devices(last), world_);
    FAIL() << "no error";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    const std::string start =
        fmt::format("ranks 0 and {} on {} would share device 0 (Made-up 100, GPU-0)", last, host_name());
    EXPECT_EQ(std::string(error.what()).rfind(start, 0), 0U) << error.what();
  }
}

TEST_F(DeviceBinding, TheSameDeviceUnderTwoIndicesIsRefused) {
  if (world_.size() == 1) GTEST_SKIP() << "needs two ranks";
  EXPECT_THROW(bind_devices(devices(2, 10 - world_.rank()), world_), AgreedError);
}

TEST_F(DeviceBinding, MinusOneSelectsNothing) {
  EXPECT_NO_THROW(select_device(-1));
}

TEST_F(DeviceBinding, AnAbsentDeviceCannotBeSelected) {
  EXPECT_THROW(select_device(static_cast<int>(visible_devices().size())), Error);
}

TEST_F(DeviceBinding, ThreadsAsAskedFor) {
  for (const auto& [text, expected] : {std::pair("5", 5), std::pair("7,2", 7)}) {
    const OmpThreads threads(text);
    EXPECT_EQ(threads_of_rank(node_), expected) << text;
  }
}

TEST_F(DeviceBinding, WithoutARequestTheCoresAreShared) {
  const int cores = static_cast<int>(allowed_cores().size());
  const double smallest = -max_over_ranks(-double(cores), node_);
  if (smallest != cores) GTEST_SKIP() << "the ranks are bound to different numbers of cores";
  for (const char* text : {static_cast<const char*>(nullptr), "", "0", "-2", "many", "4x"}) {
    const OmpThreads threads(text);
    EXPECT_EQ(threads_of_rank(node_), std::max(1, cores / node_.size()))
        << (text == nullptr ? "unset" : text);
  }
}

TEST_F(DeviceBinding, RanksBoundToDifferentCoresDoNotShareThem) {
  const auto cores = allowed_cores();
  const bool enough = -max_over_ranks(-static_cast<std::int64_t>(cores.size()), node_) >= node_.size();
  if (!enough) GTEST_SKIP() << "fewer cores than ranks";
  const OmpThreads threads(nullptr);
  const Affinity own({cores[node_.rank()]});
  ASSERT_TRUE(own.worked());
  EXPECT_EQ(threads_of_rank(node_), 1);
}

}  // namespace
}  // namespace lift
