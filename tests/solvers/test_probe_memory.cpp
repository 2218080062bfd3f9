#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "mpi/collectives.hpp"
#include "solvers/probe_matrix.hpp"

namespace lift {
namespace {

/// A field of /proc/self/status [KiB], −1 where there is none.
std::int64_t status_kib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(field + ":", 0) == 0) return std::stoll(line.substr(field.size() + 1));
  }
  return -1;
}

/// Growth of this process's peak memory [KiB] while A is made on `comm` and filled with float32 rows.
std::int64_t peak_of_filling(const Communicator& comm, std::int64_t coordinates, int rows) {
  std::ofstream("/proc/self/clear_refs") << "5";
  const std::int64_t before = status_kib("VmRSS");
  ProbeMatrix a(coordinates, rows, comm);
  for (int first = 0; first < rows; first += comm.size()) {
    const int mine = first + comm.rank();
    std::vector<float> row;
    if (mine < rows) row.assign(static_cast<std::size_t>(coordinates), 1.0F + static_cast<float>(mine));
    a.insert(mine < rows ? mine : -1, std::span<const float>(row));
  }
  return status_kib("VmHWM") - before;
}

TEST(ProbeMemory, TwoRanksNeedAtMostSixTenthsOfOneEach) {
  const auto world = Communicator::world();
  if (world.size() != 2) GTEST_SKIP() << "compares two ranks with one";
  constexpr std::int64_t kCoordinates = 2'000'000;
  constexpr int kRows = 16;
  const std::int64_t shared = max_over_ranks(peak_of_filling(world, kCoordinates, kRows), world);
  std::int64_t alone = 0;
  if (world.is_root()) alone = peak_of_filling(Communicator::self(), kCoordinates, kRows);
  alone = max_over_ranks(alone, world);
  RecordProperty("two_ranks_kib", std::to_string(shared));
  RecordProperty("one_rank_kib", std::to_string(alone));
  EXPECT_GE(alone, kCoordinates * kRows * 7 / 1024) << "the measurement itself";
  EXPECT_LE(static_cast<double>(shared), 0.6 * static_cast<double>(alone))
      << shared << " and " << alone << " KiB";
}

}  // namespace
}  // namespace lift
