#include <gtest/gtest.h>

#include <cmath>

#include "src/report/result_tables.hpp"
#include "tests/src/report/samples.hpp"

namespace lift {
namespace {

TEST(Tables, BeforeAndAfterAsText) {
  EXPECT_EQ(to_text(before_after_table(testing::paper_run())),
            R"(                           train ppl   loss  valid ppl   loss  test ppl   loss  test change
before (W0 after warm-up)       7.31  1.989      32.60  3.484     32.43  3.479       0.00 %
after LiFT                     10.16  2.318      28.73  3.358     28.38  3.346     -12.49 %
early stopping (epoch 1)           –      –      22.93  3.132     22.38  3.108     -30.99 %
pretrained (epoch 0)               –      –      35.60  3.572     34.51  3.541      +6.41 %
)");
}

TEST(Tables, AnotherCorpusHasColumnsOfItsOwn) {
  RunResult run = testing::paper_run();
  run.before.ood = SplitLoss{std::log(80.0), 7};
  run.after.ood = SplitLoss{std::log(70.0), 7};
  const Table table = before_after_table(run);
  ASSERT_EQ(table.columns.size(), 10U);
  EXPECT_EQ(table.rows.at(0).at(8).text, "80.00");
  EXPECT_EQ(table.rows.at(1).at(8).text, "70.00");
  EXPECT_EQ(table.rows.at(2).at(8).text, "–") << "an early stopping that was not evaluated there";
}

TEST(Tables, OfARunFromACheckpointSaySoAndWithoutAWarmUpNameNothingBeside) {
  RunResult run = testing::paper_run();
  run.start = "runs/earlier/model";
  const Table table = before_after_table(run);
  ASSERT_EQ(table.rows.size(), 4U);
  EXPECT_EQ(table.rows[3].front().text, "start (epoch 0)");
  run.epochs.resize(1);
  EXPECT_EQ(before_after_table(run).rows.size(), 2U);
}

TEST(Tables, RowsThatWereNotMeasuredAreLeftOut) {
  RunResult run = testing::paper_run();
  run.early_stopping.reset();
  run.epochs.clear();
  run.after.test.reset();
  const Table table = before_after_table(run);
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[1].back().text, "–");
  EXPECT_EQ(table.rows[1].back().values, std::vector<std::string>{""});
}

TEST(Tables, SeveralRunsInTheFormOfThePapersTable2) {
  RunResult short_run = testing::paper_run();
  short_run.epochs.resize(2);
  short_run.after = short_run.before;
  short_run.rounds.front().t_star = 0;
  RunResult two_rounds = testing::paper_run();
  two_rounds.rounds.push_back(two_rounds.rounds.front());
  two_rounds.rounds.back().t_star = 0.35;
  RunResult bare;
  const std::vector<NamedResult> runs = {
      {"we35", testing::paper_run()}, {"we1", short_run}, {"a|b, \"c\"", two_rounds}, {"none", bare}};
  const Table table = runs_table(runs);
  EXPECT_EQ(
      to_text(table),
      R"(run       warm-up epochs     train ppl      valid ppl       test ppl  test gain %         t*  early stop at  its test ppl
we35                  35  7.31 → 10.16  32.60 → 28.73  32.43 → 28.38        12.49        0.8              1         22.38
we1                    1   7.31 → 7.31  32.60 → 32.60  32.43 → 32.43         0.00          0              1         22.38
a|b, "c"              35  7.31 → 10.16  32.60 → 28.73  32.43 → 28.38        12.49  0.8, 0.35              1         22.38
none                   0         – → –          – → –          – → –            –          –              –             –
)");
  const std::string markdown = to_markdown(table);
  EXPECT_EQ(markdown.substr(0, markdown.find('\n')),
            "| run | warm-up epochs | train ppl | valid ppl | test ppl | test gain % | t* | early stop at | "
            "its test ppl |");
  EXPECT_NE(markdown.find("\n| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"),
            std::string::npos);
  EXPECT_NE(markdown.find("\n| a\\|b, \"c\" | 35 |"), std::string::npos);
}

TEST(Tables, CsvHasEveryDigitAndQuotesWhatItMust) {
  Table table;
  table.columns = {{"name", {"name"}, true}, {"ppl", {"before", "after"}}, {"gain", {"gain"}}};
  table.rows = {
      {Cell::label("a, \"b\""), Cell::change(1.0 / 3, 0.1, 2), Cell::number(std::nan(""), 2, " %")}};
  EXPECT_EQ(to_csv(table), "name,before,after,gain\r\n\"a, \"\"b\"\"\",0.3333333333333333,0.1,\r\n");
}

TEST(Tables, NoNegativeZero) {
  EXPECT_EQ(Cell::number(-0.001, 2).text, "0.00");
}

}  // namespace
}  // namespace lift
