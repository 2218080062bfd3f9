#include "jobs/completion.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <memory>

#include "jobs/option_table.hpp"
#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;

std::string output_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::array<char, 4096> part{};
  std::string text;
  while (std::fgets(part.data(), part.size(), pipe.get()) != nullptr) text += part.data();
  return text;
}

class Completion : public ::testing::Test {
 protected:
  Completion() { write_file(folder_ / "lift.bash", completion_script("bash")); }
  /// What bash offers where the cursor stands after the last word, one a line.
  [[nodiscard]] std::string offered(const std::string& words) const {
    write_file(folder_ / "ask.bash", fmt::format(". '{}'\ncompopt() {{ :; }}\nCOMP_WORDS=(lift {})\n"
                                                 "COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n_lift\n"
                                                 "printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
                                                 (folder_ / "lift.bash").string(), words));
    return output_of(fmt::format("cd '{0}' && bash --norc '{0}/ask.bash' 2>&1", folder_.path().string()));
  }
  OwnFolder folder_;
};

TEST_F(Completion, OffersJobsTheirOptionsAndTheWordsThatTheseTake) {
  EXPECT_EQ(offered("r"), "run\nreport\n");
  EXPECT_EQ(offered("run --warmup.e"), "--warmup.epochs\n");
  EXPECT_EQ(offered("run --direction w"), "wise\n");
  EXPECT_EQ(offered("run --preset ''"), "paper\nrecover\n");
  EXPECT_EQ(offered("evaluate --warmup.e"), "\n") << "of another job";
  EXPECT_THAT(offered("run --model li"), HasSubstr("lift.bash\n"));
  EXPECT_THAT(offered("''"), HasSubstr("--version"));
}

TEST_F(Completion, KnowsEveryOptionOfEveryJob) {
  for (const Job job : kJobs) {
    const std::string all = fmt::format("\n{}", offered(fmt::format("{} --", to_string(job))));
    for (const OptionSpec& spec : option_table()) {
      const bool there = all.find(fmt::format("\n--{}\n", spec.name)) != std::string::npos;
      EXPECT_EQ(there, find_option(job, spec.name) != nullptr) << to_string(job) << " " << spec.name;
    }
  }
}

TEST_F(Completion, IsForTwoShells) {
  EXPECT_TRUE(completion_script("zsh").starts_with("#compdef lift\n"));
  EXPECT_THROW(static_cast<void>(completion_script("fish")), Error);
}

TEST(ManPage, IsWhatGroffTakesWithoutAWarningAndHasEveryOption) {
  const OwnFolder folder;
  write_file(folder / "lift.1", man_page());
  const std::string file = (folder / "lift.1").string();
  if (output_of("command -v groff").empty()) GTEST_SKIP() << "groff is not installed";
  EXPECT_EQ(output_of("groff -man -Tutf8 -ww -z '" + file + "' 2>&1"), "");
  const std::string text = output_of("groff -man -Tascii -rLL=2000n -P-cbou '" + file + "'");
  for (const OptionSpec& spec : option_table()) EXPECT_THAT(text, HasSubstr(fmt::format("--{}", spec.name)));
  for (const Job job : kJobs) EXPECT_THAT(text, HasSubstr(summary(job)));
  EXPECT_THAT(text, HasSubstr("75"));
}

}  // namespace
}  // namespace lift
