// What each preset sets, value by value, and that what is typed goes before it.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "jobs/run_plan.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::HasSubstr;

/// An option of a preset, its value there, and another one that may be typed, with whatever that needs.
struct Row {
  std::string option, value, other, with = "";
};

const std::vector<Row> kPaper = {{"regularizer", "l2", "l2-sp"},
                                 {"direction", "lp", "gradient"},
                                 {"search.probe-kind", "random", "krylov"},
                                 {"search.probes", "16", "4"},
                                 {"search.batches", "10", "all"},
                                 {"search.hvp-batches", "10", "3"},
                                 {"search.line", "grid", "model"},
                                 {"search.steps", "31", "9"},
                                 {"search.max-step", "1.5", "2"},
                                 {"search.rounds", "1", "2"},
                                 {"search.holdout", "0", "0.5"},
                                 {"search.corrector-steps", "0", "6", " --search.rounds 2"},
                                 {"recover.interpolate", "off", "on"},
                                 {"recover.corrector-epochs", "0", "3"}};

const std::vector<Row> kRecover = {
    {"regularizer", "l2-sp", "l2"},    {"recover.interpolate", "on", "off"},
    {"recover.overshoot", "1.5", "2"}, {"recover.corrector-epochs", "2", "0"},
    {"search.holdout", "0.1", "0"},    {"search.batches", "all", "10"},
    {"direction", "lp", "sign"},       {"search.probe-kind", "krylov", "random"},
    {"search.probes", "4", "16"},      {"search.hvp-batches", "2", "10"},
    {"search.rounds", "3", "1"},       {"search.min-gain", "1e-3", "0"},
    {"search.line", "model", "grid"},  {"search.steps", "9", "31"}};

const std::vector<std::pair<std::string, const std::vector<Row>*>> kPresets = {{"paper", &kPaper},
                                                                               {"recover", &kRecover}};

Options parsed(const std::string& more, const std::string& config = "") {
  return Options::parse(Job::run, words_of("--model m --data d --out o --tune.blocks 1 " + more),
                        [&](const std::filesystem::path&) { return config; });
}

std::string line_of(const std::string& option, const std::string& value) {
  return "\n" + option + " = " + value + "\n";
}

TEST(Presets, SetTheirOptionsAndNoOthers) {
  for (const auto& [preset, rows] : kPresets) {
    SCOPED_TRACE(preset);
    const Options options = parsed("--preset " + preset);
    const std::string config = options.as_config();
    for (const Row& row : *rows) {
      EXPECT_EQ(options.origin(row.option), "preset " + preset) << row.option;
      EXPECT_THAT(config, HasSubstr(line_of(row.option, row.value)));
    }
    const auto is_set = [&](const OptionSpec& spec) {
      return spec.belongs_to(Job::run) && options.origin(spec.name) == "preset " + preset;
    };
    EXPECT_EQ(std::ranges::count_if(option_table(), is_set), std::ssize(*rows));
  }
}

TEST(Presets, GiveWayToWhatIsTypedOrInAFile) {
  for (const auto& [preset, rows] : kPresets) {
    for (const Row& row : *rows) {
      SCOPED_TRACE(preset + " with another " + row.option);
      const Options options = parsed("--preset " + preset + " --" + row.option + " " + row.other + row.with);
      EXPECT_EQ(options.origin(row.option), "command line");
      EXPECT_THAT(options.as_config(), HasSubstr(line_of(row.option, row.other)));
      const auto from_preset = [&](const Row& any) {
        return options.origin(any.option) == "preset " + preset;
      };
      EXPECT_EQ(std::ranges::count_if(*rows, from_preset), std::ssize(*rows) - (row.with.empty() ? 1 : 2));
    }
  }
  const Options of_file = parsed("--config c", "preset = recover\nsearch.probes = 5\n");
  EXPECT_EQ(of_file.origin("search.probes"), "c:2");
  EXPECT_EQ(of_file.count("search.probes"), 5);
  EXPECT_EQ(of_file.origin("search.rounds"), "preset recover");
}

class PresetPlans : public testing::Test {
 protected:
  void SetUp() override {
    if (world_.is_root()) write_toy_inputs(folder_.path());
    world_.barrier();
  }
  [[nodiscard]] RunPlan plan(const std::string& more) const {
    return plan_run(Options::parse(
        Job::run, words_of("--model " + (folder_ / "model").string() + " --data " +
                           (folder_ / "data").string() + " --out o --length 16 --tune.blocks 0,1 " + more)));
  }

  const Communicator world_ = Communicator::world();
  const TempFolder folder_{world_};
};

TEST_F(PresetPlans, ThePaper) {
  const RunPlan p = plan("--preset paper");
  EXPECT_EQ(p.preset, "paper");
  EXPECT_FALSE(p.around_pretrained);
  EXPECT_EQ(p.holdout, 0);
  const SearchOptions& search = p.search;
  EXPECT_EQ(search.direction, DirectionKind::lp);
  EXPECT_EQ(search.probe_kind, ProbeKind::random);
  EXPECT_EQ(search.probes, 16);
  EXPECT_EQ(search.batches, 10);
  EXPECT_EQ(search.hvp_batches, 10);
  EXPECT_EQ(search.line_kind, LineKind::grid);
  EXPECT_EQ(search.line.steps, 31);
  EXPECT_EQ(search.line.max_step, 1.5);
  EXPECT_EQ(search.rounds, 1);
  EXPECT_TRUE(search.corrector.none());
  EXPECT_FALSE(search.recovery.interpolate);
  EXPECT_TRUE(search.recovery.corrector.none());
}

TEST_F(PresetPlans, TheRecovery) {
  const RunPlan p = plan("--preset recover");
  EXPECT_EQ(p.preset, "recover");
  EXPECT_TRUE(p.around_pretrained);
  EXPECT_EQ(p.holdout, 0.1);
  const SearchOptions& search = p.search;
  EXPECT_TRUE(search.recovery.interpolate);
  EXPECT_EQ(search.recovery.overshoot, 1.5);
  EXPECT_EQ(search.recovery.corrector.epochs, 2);
  EXPECT_EQ(search.batches, 0) << "all";
  EXPECT_EQ(search.direction, DirectionKind::lp);
  EXPECT_EQ(search.probe_kind, ProbeKind::krylov);
  EXPECT_EQ(search.probes, 4);
  EXPECT_EQ(search.hvp_batches, 2);
  EXPECT_EQ(search.rounds, 3);
  EXPECT_EQ(search.min_gain, 1e-3);
  EXPECT_EQ(search.line_kind, LineKind::model);
  EXPECT_EQ(search.line.steps, 9);

  const RunPlan typed = plan("--preset recover --regularizer l2 --search.probes 7 --search.holdout 0.5");
  EXPECT_FALSE(typed.around_pretrained);
  EXPECT_EQ(typed.search.probes, 7);
  EXPECT_EQ(typed.holdout, 0.5);
  EXPECT_EQ(typed.search.rounds, 3);
}

}  // namespace
}  // namespace lift
