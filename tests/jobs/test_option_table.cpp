#include "jobs/option_table.hpp"

#include "jobs/presets.hpp"

#include <gtest/gtest.h>

#include <set>

#include "jobs/option_values.hpp"

namespace lift {
namespace {

TEST(OptionTable, EveryRowIsUsable) {
  for (const OptionSpec& spec : option_table()) {
    SCOPED_TRACE(spec.name);
    EXPECT_FALSE(spec.help.empty());
    EXPECT_EQ(spec.help.back(), '.');
    EXPECT_FALSE(spec.group.empty());
    EXPECT_FALSE(spec.jobs.empty());
    EXPECT_EQ(spec.kind == Kind::choice || spec.kind == Kind::count_or_word, !spec.choices.empty());
    EXPECT_TRUE(spec.default_text.empty() || violation(spec, spec.default_text).empty());
    EXPECT_TRUE(spec.presence == Presence::optional || spec.default_text.empty());
  }
}

TEST(OptionTable, PresetsNameOptionsWithValuesTheyMayHave) {
  for (const std::string_view preset : find_option(Job::run, "preset")->choices) {
    EXPECT_FALSE(preset_values(preset).empty());
    for (const PresetValue& value : preset_values(preset)) {
      SCOPED_TRACE(value.option);
      const OptionSpec* spec = find_option(Job::run, value.option);
      ASSERT_NE(spec, nullptr);
      EXPECT_EQ(violation(*spec, value.text), "");
    }
  }
  EXPECT_TRUE(preset_values("unknown").empty());
}

TEST(OptionTable, ThePaperIsWhatHoldsWithoutAPreset) {
  for (const PresetValue& value : preset_values("paper"))
    EXPECT_EQ(find_option(Job::run, value.option)->default_text, value.text) << value.option;
}

TEST(OptionTable, NoJobHasANameTwice) {
  for (const Job job : kJobs) {
    std::set<std::string_view> names;
    for (const OptionSpec& spec : option_table()) {
      EXPECT_TRUE(!spec.belongs_to(job) || names.insert(spec.name).second) << spec.name;
    }
  }
}

TEST(OptionTable, EveryJobHasTheCommonOptions) {
  for (const Job job : kJobs) {
    for (const char* name : {"json", "config", "help", "version"}) {
      EXPECT_NE(find_option(job, name), nullptr) << to_string(job) << " " << name;
    }
  }
  EXPECT_EQ(find_option(Job::lp, "model"), nullptr);
  EXPECT_EQ(find_option(Job::run, "warmup"), nullptr);
}

TEST(OptionTable, NearestTakesTyposBeginningsAndLastParts) {
  EXPECT_EQ(nearest_option(Job::run, "warmup.lt"), "warmup.lr");
  EXPECT_EQ(nearest_option(Job::run, "modle"), "model");
  EXPECT_EQ(nearest_option(Job::run, "search.prob"), "search.probes");
  EXPECT_EQ(nearest_option(Job::run, "probes"), "search.probes");
  EXPECT_EQ(nearest_option(Job::run, "h"), "help");
  EXPECT_EQ(nearest_option(Job::lp, "imput"), "input");
  EXPECT_EQ(nearest("evalaute", {"run", "evaluate", "lp"}), "evaluate");
}

TEST(OptionTable, DefaultsAreThePapers) {
  const auto is = [](const char* name, const char* text) {
    EXPECT_EQ(find_option(Job::run, name)->default_text, text) << name;
  };
  is("length", "512");
  is("batch", "4");
  is("warmup.lr", "1e-4");
  is("warmup.lambda", "1e-4");
  is("search.batches", "10");
  is("search.probes", "16");
  is("search.steps", "31");
  is("search.max-step", "1.5");
  is("search.rounds", "1");
  is("lp.radius", "0.01");
}

}  // namespace
}  // namespace lift
