#include "src/report/method_tables.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/src/report/samples.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

KeptRun kept(RunResult result, const std::string& name) {
  KeptRun run;
  run.name = name;
  run.result = std::move(result);
  return run;
}

RunResult rival() {
  RunResult result = testing::paper_run();
  result.method = {.name = "tpgm",
                   .radii = {{.tensor = "h.1.mlp.c_fc.weight",
                              .status = "learned",
                              .rows = 4,
                              .active_rows = 2,
                              .distance = 0.5,
                              .radius = 0.25,
                              .ratio = 0.5,
                              .kept = 0.75,
                              .start_norm = 2},
                             {.tensor = "h.1.mlp.c_fc.bias", .status = "unmoved"}}};
  result.search_units = 1234;
  return result;
}

TEST(MethodTables, CompareMethodsWhereThereIsMoreThanLifts) {
  const Configuration own{"lift", {kept(testing::paper_run(), "a")}};
  EXPECT_THAT(methods_table({own}).rows, IsEmpty());
  RunResult other = rival();
  other.after.test->loss += 0.1;
  const Table table = methods_table({own, {"tpgm", {kept(rival(), "b"), kept(other, "c")}}});
  ASSERT_THAT(table.rows, SizeIs(2));
  EXPECT_EQ(table.rows[1][1].text, "tpgm");
  EXPECT_THAT(table.rows[1][3].text, HasSubstr("±"));
  EXPECT_THAT(table.rows[1][5].text, HasSubstr("1234"));
  for (const auto& row : table.rows) {
    ASSERT_EQ(row.size(), table.columns.size());
    for (std::size_t k = 0; k < row.size(); ++k)
      EXPECT_EQ(row[k].values.size(), table.columns[k].fields.size());
  }
}

TEST(MethodTables, ShowAnotherCorpusWhereThereWasOne) {
  RunResult outside = rival();
  outside.before.ood = SplitLoss{std::log(80.0), 7};
  outside.after.ood = SplitLoss{std::log(70.0), 7};
  const Table table =
      methods_table({{"lift", {kept(testing::paper_run(), "a")}}, {"tpgm", {kept(outside, "b")}}});
  ASSERT_THAT(table.rows, SizeIs(2));
  EXPECT_EQ(table.rows[0][6].text, "–");
  EXPECT_EQ(table.rows[1][5].text, "80.00");
  EXPECT_EQ(table.rows[1][6].text, "70.00");
}

TEST(MethodTables, ShowEachTensorsRadiusBesideItsStart) {
  EXPECT_THAT(radii_table(testing::paper_run()).rows, IsEmpty());
  const Table table = radii_table(rival());
  ASSERT_THAT(table.rows, SizeIs(2));
  EXPECT_EQ(table.rows[0][8].text, "0.25");
  EXPECT_EQ(table.rows[0][9].text, "0.125");
  EXPECT_EQ(table.rows[1][1].text, "unmoved");
  EXPECT_EQ(table.rows[1][5].text, "–");
}

TEST(MethodTables, ShowSharesAndDescents) {
  RunResult result = testing::paper_run();
  EXPECT_THAT(shares_table(result).rows, IsEmpty());
  EXPECT_THAT(penalty_table(result).rows, IsEmpty());
  result.method = {
      .name = "pbgd-free",
      .shares = {{.tensor = "h.0.ln_1.weight", .share = 0.25}},
      .penalty = PenaltyResult{
          .status = "step limit", .steps = 5, .upper_x = 5, .upper_y = 10, .lower_x = 0, .lower_y = 10}};
  EXPECT_EQ(shares_table(result).rows.at(0).at(1).text, "0.250");
  const auto row = penalty_table(result).rows.at(0);
  EXPECT_EQ(row[0].text, "step limit");
  EXPECT_EQ(row[2].text, "–");
  EXPECT_EQ(row[8].text, "0");
}

TEST(MethodTables, ShowHowFlatTheUpperLevelWas) {
  RunResult result = testing::paper_run();
  result.method = {.name = "pbgd-free", .penalty = PenaltyResult{.status = "step limit"}};
  const auto without = penalty_table(result).columns.size();
  result.method.penalty->flatness = FlatnessResult{
      .delta = 1.43e-3, .alpha = 1.5, .modulus = 0.5, .slope = 0.1341, .pairs = 8, .distance = 0.25};
  const Table table = penalty_table(result);
  const auto row = table.rows.at(0);
  ASSERT_EQ(table.columns.size(), row.size());
  EXPECT_EQ(row[without].text, "0.00143");
  EXPECT_EQ(row[without + 1].text, "1.5");
  EXPECT_EQ(row[without + 2].text, "0.5");
  EXPECT_EQ(row[without + 3].text, "0.134");
  EXPECT_EQ(row[without + 4].text, "8");
  EXPECT_EQ(table.columns[without + 3].fields, std::vector<std::string>{"slope"});
}

}  // namespace
}  // namespace lift
