#include "jobs/help.hpp"

#include <gmock/gmock.h>

#include <sstream>

namespace lift {
namespace {

using testing::HasSubstr;

/// All words with one blank between them.
std::string without_breaks(const std::string& text) {
  std::istringstream words(text);
  std::string joined;
  for (std::string word; words >> word;) joined += word + " ";
  return joined;
}

TEST(Help, OfTheProgramNamesEveryJob) {
  for (const Job job : kJobs) EXPECT_THAT(program_help(), HasSubstr(summary(job)));
}

TEST(Help, OfAJobHasEveryOptionOnceWithItsDefault) {
  for (const Job job : kJobs) {
    const std::string help = job_help(job);
    for (const OptionSpec& spec : option_table()) {
      SCOPED_TRACE(spec.name);
      const std::string entry = "\n  --" + std::string(spec.name) + " ";
      const std::size_t at = help.find(entry);
      EXPECT_EQ(at != std::string::npos, find_option(job, spec.name) != nullptr);
      if (at == std::string::npos) continue;
      EXPECT_EQ(help.find(entry, at + 1), std::string::npos);
      if (spec.default_text.empty()) continue;
      const std::string line = help.substr(at, help.find('\n', at + 1) - at);
      EXPECT_THAT(line, HasSubstr("(=" + std::string(spec.default_text) + ")"));
    }
  }
}

TEST(Help, SaysRangesUnitsAndChoices) {
  const std::string help = without_breaks(job_help(Job::run));
  EXPECT_THAT(help, HasSubstr("Learning rate of Adam. A number > 0."));
  EXPECT_THAT(help, HasSubstr("Length of a sequence [tokens]. A whole number >= 2."));
  EXPECT_THAT(help, HasSubstr("One of rms, absolute, norm."));
  EXPECT_THAT(help, HasSubstr("Required."));
}

TEST(Help, SaysWhichWordsStandAlone) {
  EXPECT_THAT(job_help(Job::report), HasSubstr("\n  lift report RUN... [options]\n"));
  EXPECT_THAT(job_help(Job::diff), HasSubstr("the exit code is 0 whatever differs"));
  EXPECT_THAT(job_help(Job::run), testing::Not(HasSubstr("lift run  [options]")));
}

TEST(Help, FitsIntoItsColumns) {
  for (const Job job : kJobs) {
    std::istringstream lines(job_help(job));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 110U) << line;
  }
}

}  // namespace
}  // namespace lift
