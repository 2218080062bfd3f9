// A run that is left anywhere, by a signal or because a rank is killed, goes on to the same bits.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "src/files/atomic_file.hpp"
#include "src/files/file_digest.hpp"
#include "tests/jobs/comparable.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

/// A place of a run, and how often a run of this test passes it on rank 0.
struct Moment {
  const char* place;
  int visits;
};

/// A run through all phases: two epochs, interpolation, a corrector, two rounds with a corrector between
/// them.
constexpr const char* kRun =
    "--length 16 --tune.blocks 0,1 --tune.mlp-only 0 --train-limit 12 --limit 6 --warmup.epochs 2 "
    "--warmup.lr 1e-2 --warmup.keep 1 --recover.interpolate on --recover.corrector-epochs 1 "
    "--search.hvp-batches 1 --search.batches 1 --search.probes 5 --search.watch 3 --search.steps 5 "
    "--search.rounds 2 --search.corrector-steps 3 --checkpoint.minutes 1e-6 --checkpoint.memo always";

class Killed : public testing::Test {
 protected:
  Killed() { write_toy_inputs(folder_.path()); }

  /// Exit code of a run into `out`; 124 if it was not gone after a minute.
  int run(const std::string& out, const std::string& fault, const std::string& more, int ranks = 2) {
    const std::string command = fmt::format(
        "LIFT_FAULT={0} timeout 60 {1} {2} {3} run --model {4}/model --data {4}/data --cache none {5} {6} "
        "--out {4}/{7} > {4}/stdout 2> {4}/stderr",
        fault.empty() ? "none" : fault, LIFT_MPIEXEC, ranks, LIFT_PROGRAM, folder_.path().string(), base_,
        more, out);
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] json result(const std::string& run) const { return comparable_result(folder_ / run); }
  [[nodiscard]] std::vector<json> metrics(const std::string& run) const {
    return comparable_metrics(folder_ / run);
  }
  [[nodiscard]] std::string model_of(const std::string& out, const std::string& folder = "model") const {
    return digest_file(folder_ / (out + "/" + folder + "/model.safetensors")).xxh3_128;
  }
  /// "" where the run has none.
  [[nodiscard]] std::string adapter_of(const std::string& out) const {
    const fs::path file = folder_ / (out + "/adapter/adapter_model.safetensors");
    return fs::exists(file) ? digest_file(file).xxh3_128 : "";
  }
  /// That the run in `out` ended as `reference` did, and left nothing else.
  void expect_same(const std::string& out, const std::string& reference) {
    for (const char* kept : {"model", "checkpoints/best", "checkpoints/epoch-1"})
      EXPECT_EQ(model_of(out, kept), model_of(reference, kept)) << kept;
    EXPECT_EQ(result(out), result(reference));
    EXPECT_EQ(metrics(out), metrics(reference));
    std::vector<std::string> left;
    for (const auto& item : fs::directory_iterator(folder_ / (out + "/checkpoints")))
      left.push_back(item.path().filename());
    EXPECT_THAT(left, testing::UnorderedElementsAre("best", "epoch-1"));
  }
  /// Leaves a run by `fault`, which must end it with `code`, and lets it go on.
  void leave_and_go_on(const std::string& fault, int code, const std::string& reference) {
    SCOPED_TRACE(fault);
    fs::remove_all(folder_ / "left");
    ASSERT_EQ(run("left", fault, ""), code) << text_of(folder_ / "stderr");
    ASSERT_EQ(run("left", "", "--resume"), 0) << text_of(folder_ / "stderr");
    expect_same("left", reference);
  }

  std::string base_ = kRun;
  OwnFolder folder_;
};

/// Every place that stands for a phase, with its visits on rank 0 in a run of this test.
constexpr Moment kMoments[] = {
    {"evaluation", 8},    {"gradient", 18},    {"step", 12},       {"checkpoint", 3}, {"corrector", 2},
    {"slope", 2},         {"probe", 2},        {"row", 2},         {"program", 2},    {"line-search", 12},
    {"resume-state", 20}, {"resume-done", 20}, {"resume-old", 20}, {"memo", 20},      {"model", 1},
    {"done", 1},          {"answer", 1},       {"result", 1}};

TEST_F(Killed, AtAnyMomentARunGoesOnToTheSameBits) {
  ASSERT_EQ(run("whole", "", ""), 0) << text_of(folder_ / "stderr");
  const char* given = std::getenv("LIFT_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device()();
  fmt::print("LIFT_SEED={}\n", seed);
  std::mt19937 random(seed);
  const char* wanted = std::getenv("LIFT_KILLS");
  for (const Moment& moment : kMoments) {
    // So many kills at each place, at its last visit among them, or one at about every sixth: which, the
    // seed says.
    const int kills = wanted != nullptr ? std::atoi(wanted) : random() % 6 == 0 ? 1 : 0;
    for (int k = 0; k < kills; ++k) {
      const int drawn = 1 + static_cast<int>(random() % static_cast<unsigned>(moment.visits));
      const int visit = wanted != nullptr && k == 0 ? moment.visits : drawn;
      leave_and_go_on(fmt::format("{}:0:KILL@{}", moment.place, visit), 128 + SIGKILL, "whole");
    }
  }
}

TEST_F(Killed, OneThatIsNotTheFirstRankEndsAllAndIsNamed) {
  ASSERT_EQ(run("whole", "", ""), 0);
  leave_and_go_on("row:1:KILL@1", 128 + SIGKILL, "whole");
  fs::remove_all(folder_ / "left");
  EXPECT_EQ(run("left", "step:1:KILL@4", ""), 128 + SIGKILL);
  const std::string said = text_of(folder_ / "stderr"), mark = "LIFT_FAULT thrown at ";
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  ASSERT_NE(said.find(mark), std::string::npos);
  EXPECT_LT(now.count() - std::stod(said.substr(said.find(mark) + mark.size())), 10) << "all are gone";
  EXPECT_THAT(text_of(folder_ / "stderr"), HasSubstr("process rank 1"));
  EXPECT_THAT(text_of(folder_ / "stderr"), HasSubstr("signal 9"));
}

TEST_F(Killed, ASignalStopsWithACheckpointAndItsCode) {
  ASSERT_EQ(run("whole", "", ""), 0);
  for (const char* fault : {"step:0:USR2@5", "step:1:USR1@12", "evaluation:0:USR2@1", "row:0:USR1@1",
                            "line-search:0:USR2@4", "program:0:USR2@2", "model:0:USR2@1"}) {
    leave_and_go_on(fault, 75, "whole");
  }
  fs::remove_all(folder_ / "left");
  ASSERT_EQ(run("left", "step:0:USR2@5", ""), 75);
  EXPECT_THAT(
      text_of(folder_ / "stderr"),
      HasSubstr("lift: stopped: signal USR2 (warm-up, step 5 of 6); the same command with --resume goes on"));
  EXPECT_EQ(text_of(folder_ / "stderr").find("lift: error"), std::string::npos);
}

TEST_F(Killed, AgainAndAgainARunStillGoesOn) {
  ASSERT_EQ(run("whole", "", ""), 0);
  ASSERT_EQ(run("left", "step:0:KILL@2", ""), 137);
  for (const char* fault : {"step:0:KILL@2", "resume-done:0:KILL@3", "step:0:USR2@2", "memo:0:KILL@4",
                            "line-search:1:KILL@1", "row:1:KILL@2", "memo:0:KILL@3", "model:0:KILL@1"}) {
    EXPECT_THAT(run("left", fault, "--resume"), testing::AnyOf(75, 137)) << fault;
  }
  ASSERT_EQ(run("left", "", "--resume"), 0) << text_of(folder_ / "stderr");
  expect_same("left", "whole");
}

TEST_F(Killed, OnAnotherNumberOfRanksTheNumbersAreTheSameToRounding) {
  ASSERT_EQ(run("whole", "", ""), 0);
  struct Change {
    int first, then;
    const char* fault;
  };
  for (const auto& [first, then, fault] :
       {Change{2, 1, "row:0:KILL@2"}, Change{1, 3, "line-search:0:KILL@1"}, Change{2, 4, "step:0:KILL@5"}}) {
    SCOPED_TRACE(fmt::format("{} with {} ranks, then {}", fault, first, then));
    fs::remove_all(folder_ / "left");
    ASSERT_EQ(run("left", fault, "", first), 137) << text_of(folder_ / "stderr");
    ASSERT_EQ(run("left", "", "--resume", then), 0) << text_of(folder_ / "stderr");
    const json a = result("left"), b = result("whole");
    for (const char* when : {"before", "after"}) {
      for (const char* split : {"train", "valid", "test"})
        EXPECT_NEAR(a.at(when).at(split).at("loss"), b.at(when).at(split).at("loss"), 2e-5) << when << split;
    }
    EXPECT_EQ(a.at("ranks"), then);
    const json seconds = json::parse(read_file(folder_ / "left/result.json")).at("seconds");
    EXPECT_LE(seconds.at("warmup"), seconds.at("total"));
  }
}

TEST_F(Killed, TheTimeThatIsLeftIsKept) {
  ASSERT_EQ(run("whole", "", ""), 0);
  ASSERT_EQ(run("left", "", "--max-hours 1e-6"), 75) << text_of(folder_ / "stderr");
  EXPECT_THAT(text_of(folder_ / "stderr"),
              HasSubstr("the time of --max-hours is nearly over (warm-up, step 2"));
  for (const char* step : {"step 4", "step 6"}) {
    ASSERT_EQ(run("left", "", "--resume --max-hours 1e-6"), 75);
    EXPECT_THAT(text_of(folder_ / "stderr"), HasSubstr(step));
  }
  ASSERT_EQ(run("left", "", "--resume"), 0) << text_of(folder_ / "stderr");
  expect_same("left", "whole");
}

TEST_F(Killed, WithOtherOptionsAndTheDefaultsOfCheckpointsToo) {
  const std::string common =
      "--length 16 --train-limit 12 --limit 6 --search.batches 1 --search.hvp-batches 1 --search.steps 5 ";
  const std::string model = (folder_ / "model").string(), kept = (folder_ / "kept.safetensors").string();
  const std::pair<std::string, std::vector<const char*>> runs[] = {
      {"--tune.blocks 0,1 --warmup.epochs 2 --warmup.lr 1e-2 --regularizer l2-sp --search.probe-kind krylov "
       "--search.probes 4 --curvature.report on --curvature.max-hvps 60 --save.dtype bf16 --search.line "
       "model",
       {"implicit:0:KILL@9", "row:0:KILL@3", "model:0:KILL@1"}},
      {"--tune.blocks 1 --tune.regularizers 1:0 --warmup.epochs 0 --precision fp64 --search.rounds 2 "
       "--recover.interpolate on --search.watch 0 --search.probes 3 --start " +
           model,
       {"slope:0:KILL@2", "line-search:0:KILL@7"}},
      {"--tune.blocks 0 --tune.embeddings 1 --warmup.epochs 1 --warmup.lr 1e-2 --direction exact "
       "--search.damping 10 --tune.learning-rate on --search.holdout 0.5 "
       "--search.corrector-steps 2 --search.rounds 2",
       {"implicit:0:KILL@5", "corrector:0:KILL@4"}},
      {"--tune.blocks 0,1 --tune.mlp-only 0 --tune.lora 3 --tune.lora-alpha 6 --regularizer l2-sp "
       "--warmup.epochs 2 --warmup.lr 1e-2 --search.probes 3 --checkpoint.memo always",
       {"step:0:KILL@4", "row:0:KILL@1", "checkpoint:0:KILL@2", "evaluation:0:KILL@8"}},
      {"--tune.blocks 0,1 --warmup.epochs 1 --search.probes 3 --search.hypergradient on --search.damping 10 "
       "--search.keep " +
           kept,
       {"instance:0:KILL@1", "implicit:0:KILL@4"}}};
  for (const auto& [options, faults] : runs) {
    SCOPED_TRACE(options);
    base_ = common + options;
    fs::remove_all(folder_ / "whole");
    ASSERT_EQ(run("whole", "", ""), 0) << text_of(folder_ / "stderr");
    for (const char* fault : faults) {
      SCOPED_TRACE(fault);
      fs::remove_all(folder_ / "left");
      ASSERT_EQ(run("left", fault, ""), 128 + SIGKILL) << text_of(folder_ / "stderr");
      ASSERT_EQ(run("left", "", "--resume"), 0) << text_of(folder_ / "stderr");
      EXPECT_EQ(model_of("left"), model_of("whole"));
      EXPECT_EQ(adapter_of("left"), adapter_of("whole"));
      EXPECT_EQ(result("left"), result("whole"));
      EXPECT_EQ(metrics("left"), metrics("whole"));
    }
  }
}

TEST_F(Killed, ARunThatIsDoneIsLeftAsItIsAndAnotherIsRefused) {
  ASSERT_EQ(run("left", "", "--resume"), 0) << "where there is nothing it begins";
  EXPECT_THAT(text_of(folder_ / "stdout"), HasSubstr("there is no checkpoint in"));
  const std::string before = read_file(folder_ / "left/result.json");
  ASSERT_EQ(run("left", "", "--resume"), 0);
  EXPECT_THAT(text_of(folder_ / "stdout"), HasSubstr("is done"));
  EXPECT_EQ(read_file(folder_ / "left/result.json"), before);
  EXPECT_EQ(run("left", "", "--resume --seed 5"), 2) << "another run than that which is done";
  EXPECT_THAT(text_of(folder_ / "stderr"), HasSubstr("--seed is 5 now"));
  EXPECT_EQ(run("left", "", ""), 2) << "without --resume it holds another run";
  fs::create_directories(folder_ / "other");
  write_file(folder_ / "other/thesis.tex", "x");
  EXPECT_EQ(run("other", "", "--resume"), 2);
  EXPECT_THAT(text_of(folder_ / "stderr"), HasSubstr("holds no run to resume"));
}

TEST_F(Killed, AnotherConfigurationIsRefusedByName) {
  ASSERT_EQ(run("left", "step:0:USR2@4", ""), 75);
  EXPECT_EQ(run("left", "", "--resume --seed 5"), 2);
  EXPECT_THAT(text_of(folder_ / "stderr"),
              HasSubstr("--resume: --seed is 5 now, and was 0 when the run was left"));
  const std::string model = read_file(folder_ / "model/model.safetensors");
  std::string other = model;
  other.back() = static_cast<char>(other.back() ^ 1);
  write_file(folder_ / "model/model.safetensors", other);
  EXPECT_EQ(run("left", "", "--resume"), 2);
  EXPECT_THAT(text_of(folder_ / "stderr"), HasSubstr("model.safetensors of --model is of digest"));
  write_file(folder_ / "model/model.safetensors", model);
  EXPECT_EQ(run("left", "", "--resume --max-hours 5 --stop-signals none"), 0);
}

/// A disk of its own, of a few megabytes; ok() is false where the system lets nobody have one.
class SmallDisk {
 public:
  explicit SmallDisk(fs::path folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
    ok_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=8m") == 0;
  }
  ~SmallDisk() {
    if (ok_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }
  /// Fills it but for `bytes`.
  void leave(std::uintmax_t bytes) const {
    const std::uintmax_t available = fs::space(folder_).available;
    std::ofstream(folder_ / "filler") << std::string(available > bytes ? available - bytes : 0, 'x');
  }
  void empty() const { fs::remove(folder_ / "filler"); }

 private:
  fs::path folder_;
  bool ok_ = false;
};

TEST_F(Killed, ADiskThatIsFullEndsWithItsCodeAndKeepsTheCheckpointBefore) {
  const SmallDisk disk(folder_ / "disk");
  if (!disk.ok()) GTEST_SKIP() << "no disk may be mounted here";
  ASSERT_EQ(run("whole", "", ""), 0);
  ASSERT_EQ(run("disk/left", "step:0:USR2@3", ""), 75) << text_of(folder_ / "stderr");
  int failures = 0;
  for (const std::uintmax_t bytes : {0, 8 << 10, 64 << 10, 128 << 10, 256 << 10}) {
    SCOPED_TRACE(bytes);
    disk.leave(bytes);
    const int code = run("disk/left", "", "--resume");
    disk.empty();
    if (code == 0) break;
    EXPECT_EQ(code, 5) << text_of(folder_ / "stderr");
    EXPECT_THAT(text_of(folder_ / "stderr"), HasSubstr("No space left on device"));
    ++failures;
  }
  EXPECT_GE(failures, 2);
  ASSERT_EQ(run("disk/left", "", "--resume"), 0) << text_of(folder_ / "stderr");
  expect_same("disk/left", "whole");
}

TEST_F(Killed, AMemoThatCannotBeWrittenIsToldAndEndsNothing) {
  ASSERT_EQ(run("whole", "", ""), 0);
  ASSERT_EQ(run("left", "memo:0:5@3", ""), 0) << text_of(folder_ / "stderr");
  EXPECT_THAT(text_of(folder_ / "stderr"), HasSubstr("no longer kept as they come"));
  EXPECT_EQ(model_of("left"), model_of("whole"));
}

}  // namespace
}  // namespace lift
