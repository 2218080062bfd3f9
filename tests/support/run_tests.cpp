#include "tests/support/run_tests.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>

#include "mpi/collectives.hpp"

namespace lift {

namespace {

/// Prints the failures of a rank that is not 0, and remembers the names of the tests they came from.
class RankPrinter : public testing::EmptyTestEventListener {
 public:
  explicit RankPrinter(int rank) : rank_(rank) {}
  [[nodiscard]] const std::string& failed_tests() const { return failed_tests_; }

  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    const char* file = result.file_name() == nullptr ? "unknown file" : result.file_name();
    std::istringstream lines(fmt::format("{}:{}: Failure\n{}", file, result.line_number(), result.message()));
    std::string text;
    for (std::string line; std::getline(lines, line);) text += fmt::format("rank {}: {}\n", rank_, line);
    fmt::print(stderr, "{}", text);
  }

  void OnTestEnd(const testing::TestInfo& test) override {
    if (test.result()->Failed()) failed_tests_ += fmt::format("{}.{}\n", test.test_suite_name(), test.name());
  }

 private:
  int rank_;
  std::string failed_tests_;
};

RankPrinter* replace_printer(int rank) {
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  auto* printer = new RankPrinter(rank);
  listeners.Append(printer);  // GoogleTest owns it from here
  return printer;
}

void print_failures_elsewhere(const std::string& mine, const Communicator& world) {
  const auto failed = gather_texts(mine, world);
  if (!world.is_root()) return;
  for (std::size_t rank = 1; rank < failed.size(); ++rank) {
    std::istringstream names(failed[rank]);
    for (std::string name; std::getline(names, name);) {
      fmt::print("[  FAILED  ] {} on rank {}\n", name, rank);
    }
  }
  std::fflush(stdout);
}

}  // namespace

int run_tests(int argc, char** argv, const Communicator& world) {
  testing::InitGoogleTest(&argc, argv);
  RankPrinter* printer = nullptr;
  if (!world.is_root()) {
    testing::GTEST_FLAG(output) = "";  // one rank writes the XML file
    printer = replace_printer(world.rank());
  }
  const int code = RUN_ALL_TESTS();
  print_failures_elsewhere(printer == nullptr ? "" : printer->failed_tests(), world);
  return static_cast<int>(max_over_ranks(std::int64_t{code}, world));
}

}  // namespace lift
