#include "src/report/paper_tables.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/src/report/run_folders.hpp"
#include "tests/src/report/samples.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::paper_row;

const RunOptions kPaper = {
    {"tune.blocks", "1,7,11"}, {"tune.mlp-only", "1,11"}, {"tune.regularizers", "1:1,7:0,11:1"}};

Configuration one_run(RunResult result) {
  return {"paper", {testing::kept("paper", result, kPaper)}};
}

/// The paper's Table 2, row of 35 epochs.
RunResult last_row() {
  return paper_row(35, {7.31, 32.60, 32.43}, {10.16, 28.73, 28.38});
}

std::vector<std::string> texts(const std::vector<Cell>& row) {
  std::vector<std::string> result;
  for (const Cell& cell : row) result.push_back(cell.text);
  return result;
}

TEST(PaperTable, HasThePapersRow) {
  const Table table = paper_table({one_run(last_row())});
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("paper", "35", "3", "2", "1/2", "1", "4718", "training",
                                                "7.31/1.99", "10.16/2.32", "", "–", "", ""));
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("", "", "", "", "", "", "487", "validation", "32.60/3.48",
                                                "28.73/3.36", "", "22.93/3.13", "", ""));
  // 12.49 is printed in the paper; early stopping's (32.43 − 22.38) / 32.43 is not
  EXPECT_THAT(texts(table.rows[2]), ElementsAre("", "", "", "", "", "", "558", "test", "32.43/3.48",
                                                "28.38/3.35", "12.49", "22.38/3.11", "30.99", "1"));
}

TEST(PaperTable, EveryRowOfCsvIsWhole) {
  const std::string csv = to_csv(paper_table({one_run(last_row())}));
  std::size_t rows = 0;
  for (std::size_t at = csv.find("\r\npaper,35,3,2,1/2,1,"); at != std::string::npos;
       at = csv.find("\r\npaper,35,3,2,1/2,1,", at + 1))
    ++rows;
  EXPECT_EQ(rows, 3U);
  EXPECT_THAT(csv, HasSubstr("without_ppl,without_ppl_sd,without_loss,without_loss_sd,with_ppl"));
}

TEST(PaperTable, SeveralRunsAreAveragedWithTheirSpread) {
  const Configuration both = {"both (+1)",
                              {testing::kept("a", paper_row(35, {7, 30, 32}, {10, 28, 24}, 0), kPaper),
                               testing::kept("b", paper_row(35, {9, 34, 40}, {12, 30, 36}, 1), kPaper)}};
  const auto test = texts(paper_table({both}).rows[2]);
  EXPECT_THAT(test[8], HasSubstr("36.00 ± 5.66/"));  // 32, 40
  EXPECT_THAT(test[9], HasSubstr("30.00 ± 8.49/"));  // 24, 36
  EXPECT_EQ(test[10], "17.50 ± 10.61");              // 25 % and 10 %, not those of the means
}

TEST(PaperTable, WhatIsNotKnownIsADashAndNeverANumber) {
  RunResult bare = last_row();
  bare.early_stopping.reset();
  bare.after.test.reset();
  const Table table = paper_table({{"bare", {testing::kept("bare", bare, {})}}});
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("bare", "35", "–", "2", "–", "1", "4718", "training",
                                                "7.31/1.99", "10.16/2.32", "", "–", "", ""));
  EXPECT_THAT(texts(table.rows[2]),
              ElementsAre("", "", "", "", "", "", "558", "test", "32.43/3.48", "–", "–", "–", "–", "–"));
}

TEST(PaperTable, AWarmupAloneHasNothingWithSearch) {
  RunResult warmup = last_row();
  warmup.rounds.clear();
  warmup.stages.clear();
  const auto test = texts(paper_table({one_run(warmup)}).rows[2]);
  EXPECT_EQ(test[8], "32.43/3.48");
  EXPECT_EQ(test[9], "–");
  EXPECT_EQ(test[10], "–");
  EXPECT_EQ(test[11], "22.38/3.11");
}

TEST(PaperTable, OverfittedIsAWarmupWhoseBestEpochIsNotItsLast) {
  EXPECT_TRUE(overfitted(one_run(last_row())));
  // Table 3: none and one epoch
  EXPECT_FALSE(overfitted(one_run(paper_row(0, {35.84, 35.60, 34.51}, {35.84, 35.60, 34.51}))));
  EXPECT_FALSE(overfitted(one_run(paper_row(1, {21.71, 22.93, 22.38}, {21.71, 22.93, 22.38}))));
  Configuration unknown = one_run(last_row());
  unknown.runs[0].warmup = {};
  EXPECT_TRUE(overfitted(unknown));
  Configuration mixed = one_run(paper_row(1, {21.71, 22.93, 22.38}, {21.71, 22.93, 22.38}));
  mixed.runs.push_back(one_run(last_row()).runs.front());
  EXPECT_TRUE(overfitted(mixed));
}

TEST(PaperTable, ReductionsAreThoseOfThePaper) {
  const struct {
    double before, after, percent;
  } rows[] = {{24.23, 24.14, 0.37}, {25.92, 25.48, 1.70}, {27.89, 26.56, 4.77}, {29.78, 27.77, 6.75}};
  for (const auto& row : rows) {
    const RunResult run = paper_row(20, {1, 2, row.before}, {1, 2, row.after});
    EXPECT_NEAR(test_reduction(testing::kept("a", run, {})), row.percent, 0.006);
  }
}

}  // namespace
}  // namespace lift
