// A sweep from outside, as a launcher starts it: processes die, and what is told of the points is complete.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "src/files/atomic_file.hpp"
#include "src/files/file_digest.hpp"
#include "src/sweep/point_record.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class Swept : public testing::Test {
 protected:
  Swept() { write_toy_inputs(folder_.path()); }

  void write_sweep(const std::string& lines) const {
    write_file(
        folder_ / "sweep.cfg",
        fmt::format("model = {0}/model\ndata = {0}/data\ncache = none\nlength = 16\ntune.blocks = 0,1\n"
                    "tune.mlp-only = 0\ntrain-limit = 12\nlimit = 6\nwarmup.lr = 1e-2\n"
                    "search.hvp-batches = 1\nsearch.batches = 1\nsearch.probes = 3\nsearch.watch = 0\n"
                    "search.steps = 4\ncheckpoint.minutes = 1e-6\n{1}",
                    folder_.path().string(), lines));
  }
  /// Exit code of the program with words; 124 if it was not gone after two minutes.
  [[nodiscard]] int lift(const std::string& words, const std::string& fault = "", int ranks = 2,
                         const std::string& said = "said") const {
    const std::string command =
        fmt::format("LIFT_FAULT={} timeout 120 {} {} {} {} > {}/{} 2>&1", fault.empty() ? "none" : fault,
                    LIFT_MPIEXEC, ranks, LIFT_PROGRAM, words, folder_.path().string(), said);
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] int sweep(const std::string& out, const std::string& more = "", const std::string& fault = "",
                          int ranks = 2) const {
    return lift(fmt::format("sweep {0}/sweep.cfg --out {0}/{1} --json {0}/{1}.json {2}",
                            folder_.path().string(), out, more),
                fault, ranks, out + ".said");
  }
  [[nodiscard]] json status(const std::string& out) const {
    const int code =
        lift(fmt::format("sweep status {0}/{1} --json {0}/status.json", folder_.path().string(), out), "", 1);
    EXPECT_EQ(code, 0) << text_of(folder_ / "said");
    return json::parse(read_file(folder_ / "status.json"));
  }
  [[nodiscard]] std::string model_of(const std::string& run) const {
    return digest_file(folder_ / (run + "/model/model.safetensors")).xxh3_128;
  }

  OwnFolder folder_;
};

/// 60 points: 53 that are right, 5 that are invalid, 2 that fail in their midst, as their loss is not finite.
constexpr const char* kSixty =
    "[point good]\nseed = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16\n"
    "warmup.epochs = 0 | 1 | 2\n"
    "[point wide]\nlp.radius = 0.02 | 0.04\n"
    "[point wrong]\nwarmup.lr = -1 | 0 | fast\n[point blocks]\ntune.blocks = 7\n"
    "[point misspelt]\nwarmup.epoch = 3\n"
    "[point diverges]\nwarmup.lr = 1e30 | 1e31\nwarmup.epochs = 2\n";

TEST_F(Swept, SixtyPointsOfWhichSomeAreWrongSomeFailAndAllDieOnce) {
  write_sweep(kSixty);
  ASSERT_EQ(sweep("whole", "--ranks-each 1"), 6) << text_of(folder_ / "whole.said");
  // In the midst of a warm-up of one group, while the other does whatever it does.
  ASSERT_EQ(sweep("left", "--ranks-each 1", "step:1:KILL@12"), 128 + SIGKILL);
  const json between = status("left").at("states");
  EXPECT_GT(between.at("DONE"), 0);
  EXPECT_GT(between.at("PENDING"), 0);
  EXPECT_EQ(between.at("RUNNING"), 0);
  EXPECT_EQ(between.at("INVALID"), 5);
  ASSERT_EQ(sweep("left", "--ranks-each 1"), 6) << text_of(folder_ / "left.said");

  const json told = json::parse(read_file(folder_ / "left.json"));
  EXPECT_EQ(told.at("states"), json::parse(R"({"DONE": 53, "FAILED": 2, "INVALID": 5, "PENDING": 0,
                                               "PREEMPTED": 0, "RUNNING": 0})"));
  ASSERT_EQ(told.at("points").size(), 60U);
  int starts = 0;
  for (const json& point : told.at("points")) {
    const std::string name = point.at("name"), state = point.at("state");
    SCOPED_TRACE(name);
    starts += point.at("starts").get<int>();
    const bool good = name.starts_with("good") || name.starts_with("wide");
    EXPECT_EQ(state, good ? "DONE" : name.starts_with("diverges") ? "FAILED" : "INVALID");
    EXPECT_EQ(point.at("message").get<std::string>().empty(), good);
    EXPECT_EQ(point.contains("test_ppl"), good);
    EXPECT_EQ(fs::exists(folder_ / ("left/points/" + name)), state != "INVALID");
    if (!good) continue;
    EXPECT_EQ(model_of("left/points/" + name), model_of("whole/points/" + name));
  }
  EXPECT_GE(starts, 55 + 1);
  EXPECT_LE(starts, 55 + 2) << "what was under way goes on, and nothing that was done is done again";
  const std::string table = read_file(folder_ / "left/sweep.csv");
  EXPECT_EQ(std::ranges::count(table, '\n'), 61) << "a line a point, and the head";

  ASSERT_EQ(lift(fmt::format("report {0}/left --out {0}/report", folder_.path().string()), "", 1), 0)
      << text_of(folder_ / "said");
  EXPECT_THAT(text_of(folder_ / "report/tables/sweep.csv"), HasSubstr("misspelt,INVALID"));
  EXPECT_THAT(text_of(folder_ / "report/report.html"),
              HasSubstr("53 DONE, 2 FAILED, 5 INVALID of 60 points"));
  EXPECT_EQ(lift(fmt::format("check {}/left", folder_.path().string()), "", 1), 0)
      << text_of(folder_ / "said");
}

TEST_F(Swept, ProcessesOfTheirOwnShareOneSweep) {
  write_sweep("seed = 0 | 1 | 2 | 3 | 4 | 5\nwarmup.epochs = 1 | 2\n");
  int first = -1;
  std::thread other([&] {
    first = lift(fmt::format("sweep {0}/sweep.cfg --out {0}/out", folder_.path().string()), "", 1, "first");
  });
  const int second =
      lift(fmt::format("sweep {0}/sweep.cfg --out {0}/out", folder_.path().string()), "", 1, "second");
  other.join();
  EXPECT_EQ(first, 0) << text_of(folder_ / "first");
  EXPECT_EQ(second, 0) << text_of(folder_ / "second");
  const json told = status("out");
  EXPECT_EQ(told.at("states").at("DONE"), 12);
  std::int64_t steps = 0;
  for (const json& point : told.at("points")) {
    EXPECT_EQ(point.at("starts"), 1);
    steps += point.at("warmup_steps").get<std::int64_t>();
  }
  EXPECT_EQ(steps, 6 * 3 * 2) << "no step of a warm-up is taken by both";
}

TEST_F(Swept, ASignalStopsAllGroupsAndTheSameCommandGoesOn) {
  write_sweep("seed = 0 | 1 | 2\nwarmup.epochs = 1 | 2\n");
  ASSERT_EQ(sweep("whole", "--ranks-each 1"), 0) << text_of(folder_ / "whole.said");
  ASSERT_EQ(sweep("left", "--ranks-each 1", "step:0:USR2@4"), 75) << text_of(folder_ / "left.said");
  EXPECT_THAT(text_of(folder_ / "left.said"), HasSubstr("lift: stopped: "));
  const json between = status("left").at("states");
  EXPECT_GE(between.at("PREEMPTED"), 1);
  EXPECT_LE(between.at("PREEMPTED"), 2) << "one a group";
  ASSERT_EQ(sweep("left", "--ranks-each 1"), 0) << text_of(folder_ / "left.said");
  const json told = status("left");
  for (const json& point : told.at("points"))
    EXPECT_EQ(model_of("left/points/" + point.at("name").get<std::string>()),
              model_of("whole/points/" + point.at("name").get<std::string>()));
}

TEST_F(Swept, WhatIsSharedSurvivesThatItsMakerIsKilledAnywhere) {
  write_sweep("warmup.epochs = 1 | 2\ncheckpoint.memo = always\n[point a]\n[point b]\nlp.radius = 0.02\n");
  ASSERT_EQ(sweep("whole"), 0) << text_of(folder_ / "whole.said");
  for (const char* fault :
       {"resume-state:0:KILL@4", "memo:0:KILL@3", "resume-done:0:KILL@21", "program:0:KILL@2"}) {
    SCOPED_TRACE(fault);
    fs::remove_all(folder_ / "left");
    ASSERT_EQ(sweep("left", "", fault), 128 + SIGKILL) << text_of(folder_ / "left.said");
    ASSERT_EQ(sweep("left"), 0) << text_of(folder_ / "left.said");
    for (const auto& item : fs::directory_iterator(folder_ / "whole/points")) {
      const std::string name = item.path().filename();
      EXPECT_EQ(model_of("left/points/" + name), model_of("whole/points/" + name)) << name;
    }
  }
}

TEST_F(Swept, WhatOneRankOfAGroupFindsAloneEndsAllSoon) {
  write_sweep("warmup.epochs = 1\nseed = 0 | 1\n");
  EXPECT_EQ(sweep("out", "", "tokens:1:3@1"), 3)
      << "as the sweep is planned: " << text_of(folder_ / "out.said");
  EXPECT_EQ(sweep("out", "", "tokens:1:3@2"), 3) << "in a run: " << text_of(folder_ / "out.said");
  EXPECT_THAT(text_of(folder_ / "out.said"), HasSubstr("lift: error: "));
  EXPECT_EQ(sweep("out"), 0) << text_of(folder_ / "out.said");
}

TEST_F(Swept, ARecordThatCannotBeWrittenEndsInItsCodeAndNotInSilence) {
  write_sweep("warmup.epochs = 0 | 1\n");
  const std::string file = folder_ / "out/state/warmup.epochs=0.json";
  fs::create_directories(folder_ / "out/state");
  write_point_record(file, PointRecord());
  if (::mount(file.c_str(), file.c_str(), "", MS_BIND, nullptr) != 0) GTEST_SKIP() << "cannot mount here";
  const int code = sweep("out", "--ranks-each 1");
  ::umount(file.c_str());
  EXPECT_EQ(code, 5) << text_of(folder_ / "out.said");
  EXPECT_EQ(sweep("out", "--ranks-each 1"), 0) << text_of(folder_ / "out.said");
}

TEST_F(Swept, DeathsInALongFirstStageAreNotHeldAgainstAPointThatGetsOn) {
  write_sweep(
      "warmup.epochs = 0\ncheckpoint.memo = always\n[point a]\nsearch.probes = 48\nlp.radius = 0.01 | "
      "0.02\n");
  // A wave of rows, which counts as a whole, is made between two deaths.
  for (int k = 0; k < 4; ++k) ASSERT_EQ(sweep("out", "", "memo:0:KILL@12"), 128 + SIGKILL) << k;
  EXPECT_EQ(sweep("out"), 0) << text_of(folder_ / "out.said");
}

TEST_F(Swept, OneThatOnlyEverDiesIsGivenUp) {
  write_sweep("warmup.epochs = 0 | 1\n");
  for (int k = 0; k < 3; ++k) ASSERT_EQ(sweep("out", "", "tokens:0:KILL@2"), 128 + SIGKILL) << k;
  EXPECT_EQ(status("out").at("states").at("PREEMPTED"), 1);
  // The first is given up; the other is done.
  EXPECT_EQ(sweep("out"), 6) << text_of(folder_ / "out.said");
  const json told = status("out");
  EXPECT_EQ(told.at("states").at("FAILED"), 1);
  EXPECT_EQ(told.at("states").at("DONE"), 1);
  EXPECT_THAT(told.at("points").at(0).at("message").get<std::string>(), HasSubstr("died 3 times in a row"));
  EXPECT_EQ(sweep("out", "--retry"), 0) << text_of(folder_ / "out.said");
}

}  // namespace
}  // namespace lift
