#include "src/report/report_tables.hpp"

#include <gmock/gmock.h>

#include "src/report/stages_table.hpp"
#include "tests/src/report/run_folders.hpp"
#include "tests/src/report/samples.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::split_of;

std::vector<std::string> texts(const std::vector<Cell>& row) {
  std::vector<std::string> result;
  for (const Cell& cell : row) result.push_back(cell.text);
  return result;
}

/// A search by interpolation, corrector and one round of which `kept` was kept.
RunResult recovered(const std::string& kept, double round_test) {
  RunResult run = testing::paper_run();
  run.before.test = split_of(40);
  run.before.valid = split_of(41);
  run.early_stopping = {.epoch = 1, .valid = split_of(26), .test = split_of(25)};
  run.stages = {
      {.name = "interpolation", .t = 0.5, .selection = 3.4, .valid = split_of(31), .test = split_of(30)},
      {.name = "corrector", .t = 0, .selection = 3.3, .valid = split_of(25), .test = split_of(24)},
      {.name = "round 1", .t = 1, .selection = 3.2, .valid = split_of(24), .test = split_of(round_test)}};
  run.kept_stage = kept;
  return run;
}

TEST(StagesTable, SaysWhatEachPartContributesAndWhatItComesTo) {
  const Table table = stages_table({"a", {testing::kept("a", recovered("corrector", 27), {})}});
  ASSERT_EQ(table.rows.size(), 5U);
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("W0", "–", "–", "41.00", "40.00", "–", "60.00", ""));
  EXPECT_THAT(texts(table.rows[1]),
              ElementsAre("interpolation", "0.500", "3.4000", "31.00", "30.00", "-25.00", "20.00", ""));
  EXPECT_THAT(texts(table.rows[2]),
              ElementsAre("corrector", "0.000", "3.3000", "25.00", "24.00", "-20.00", "-4.00", "1"));
  EXPECT_THAT(texts(table.rows[3]),
              ElementsAre("round 1", "1.000", "3.2000", "24.00", "27.00", "12.50", "8.00", ""));
  EXPECT_THAT(texts(table.rows[4]), ElementsAre("early stopping", "–", "–", "26.00", "25.00", "–", "–", ""));
}

TEST(StagesTable, RunsThatEndedEarlierCountWhereTheyHaveTheStage) {
  RunResult shorter = recovered("corrector", 0);
  shorter.stages.pop_back();
  const Configuration both = {
      "both", {testing::kept("a", shorter, {}), testing::kept("b", recovered("round 1", 27), {})}};
  const auto rows = stage_summaries(both);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[2].test.count, 2);
  EXPECT_EQ(rows[2].kept, 1);
  EXPECT_EQ(rows[3].name, "round 1");
  EXPECT_EQ(rows[3].test.count, 1);
  EXPECT_EQ(rows[3].kept, 1);
}

TEST(StagesTable, WithoutStagesThereIsNone) {
  RunResult warmup = testing::paper_run();
  warmup.stages.clear();
  EXPECT_TRUE(stages_table({"a", {testing::kept("a", warmup, {})}}).rows.empty());
}

TEST(ReportTables, LambdaIsNamedByItsBlock) {
  const RunOptions options = {{"tune.blocks", "1,7,11"}, {"tune.regularizers", "1:1,7:0,11:1"}};
  const Table table = lambda_table({{"a", {testing::kept("a", testing::paper_run(), options)}}});
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("a", "a", "block 1", "0.0001", "0.0002", "2"));
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("a", "a", "block 11", "0.0001", "5e-05", "0.5"));
  RunResult kept = testing::paper_run();
  kept.lambda_after = {3e-4, 1e-4};  // the model kept is not that of the last round
  EXPECT_EQ(lambda_table({{"a", {testing::kept("a", kept, options)}}}).rows[0][4].text, "0.0003");
}

TEST(ReportTables, SecondsHaveAColumnForEachPhaseOfAnyRun) {
  RunResult other = testing::paper_run();
  other.seconds = {{"total", 5}, {"curvature", 3}};
  const Table table = seconds_table(
      {{"a", {testing::kept("a", testing::paper_run(), {})}}, {"b", {testing::kept("b", other, {})}}});
  EXPECT_EQ(table.columns[1].title, "load [s]");
  EXPECT_EQ(table.columns.back().title, "total [s]");
  EXPECT_EQ(table.rows[0].back().text, "9120.00");
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("b", "–", "–", "–", "–", "–", "–", "–", "3.00", "5.00"));
}

TEST(ReportTables, OptionsThatDifferAreColumns) {
  const std::vector<Configuration> all = {
      {"a", {testing::kept("a", testing::paper_run(), {{"lr", "1"}, {"seed", "0"}, {"batch", "4"}})}},
      {"b", {testing::kept("b", testing::paper_run(), {{"lr", "2"}, {"seed", "1"}, {"batch", "4"}})}},
      {"c", {testing::kept("c", testing::paper_run(), {})}}};
  const Table table = options_table(all, {"seed"});
  ASSERT_EQ(table.columns.size(), 2U);
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("b", "2"));
  EXPECT_THAT(texts(table.rows[2]), ElementsAre("c", "–"));
  EXPECT_TRUE(options_table({all[0]}, {"seed"}).rows.empty());
}

TEST(ReportTables, WorkAndProbesOfARun) {
  RunResult run = testing::paper_run();
  EXPECT_THAT(texts(work_table(testing::kept("a", run, {})).rows[1]),
              ElementsAre("1", "1,200", "8", "320", "901", "15", "–"));
  EXPECT_TRUE(probe_curvature_table(testing::kept("a", run, {})).rows.empty());
  run.rounds[0].probe_curvature = {.vectors = 16,
                                   .ritz_min = -0.25,
                                   .ritz_max = 8,
                                   .asymmetry = 0,
                                   .noise = 1e-5,
                                   .negative_found = 2,
                                   .ritz_values = {-0.25, 8}};
  EXPECT_THAT(texts(probe_curvature_table(testing::kept("a", run, {})).rows[0]),
              ElementsAre("1", "16", "-0.25", "8", "1e-05", "2"));
}

TEST(ReportTables, MembersHaveEarlyStoppingBesideThem) {
  RunResult run = testing::paper_run();
  EXPECT_EQ(members_table({{"a", {testing::kept("x", run, {})}}}).rows[0][7].text, "–") << "work is not told";
  run.warmup_units = 300;
  run.search_units = 40;
  EXPECT_EQ(members_table({{"a", {testing::kept("x", run, {})}}}).rows[0][7].text, "300 + 40");
  const std::string csv = to_csv(members_table({{"a", {testing::kept("x", run, {})}}}));
  EXPECT_THAT(csv, HasSubstr("a,x,18446744073709551615,"));
  EXPECT_THAT(csv, HasSubstr(",22.3"));
}

TEST(TableMarkup, LatexShowsEveryCharacterAsItIs) {
  Table table;
  table.columns = {{"N_WE", {"n"}, true}, {"50 % & #", {"x"}}};
  table.rows = {{Cell::label("a_b\\{c}~^$"), Cell::label("1 ± 2 → λ <–>")}};
  const std::string latex = to_latex(table);
  EXPECT_THAT(latex,
              HasSubstr("\\begin{tabular}{lr}\n\\toprule\n$N_{\\mathrm{WE}}$ & 50 \\% \\& \\# \\\\\n"));
  EXPECT_THAT(latex, HasSubstr("a\\_b\\textbackslash{}\\{c\\}\\textasciitilde{}\\textasciicircum{}\\$ & "));
  EXPECT_THAT(latex,
              HasSubstr("1 $\\pm$ 2 $\\to$ $\\lambda$ \\textless{}--\\textgreater{} \\\\\n\\bottomrule"));
}

TEST(TableMarkup, HtmlIsEscaped) {
  Table table;
  table.columns = {{"<b>", {"n"}, true}};
  table.rows = {{Cell::label("<script>alert('&\"')</script>")}};
  const std::string html = to_html(table);
  EXPECT_THAT(html, HasSubstr("<th class=\"l\">&lt;b&gt;</th>"));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
}

}  // namespace
}  // namespace lift
