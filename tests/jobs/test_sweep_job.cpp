// A sweep inside the test: what its points share, what becomes of those that go wrong, and what is said.
#include "jobs/sweep_job.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "jobs/run_job.hpp"
#include "solvers/session.hpp"
#include "src/files/atomic_file.hpp"
#include "src/files/file_digest.hpp"
#include "src/sweep/sweep_folder.hpp"
#include "tests/jobs/comparable.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

class SweepJob : public testing::Test {
 protected:
  void SetUp() override {
    if (world_.is_root()) write_toy_inputs(folder_.path());
    world_.barrier();
  }
  [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }
  /// Options of all points; lines that a test gives come on top.
  [[nodiscard]] std::string common() const {
    return fmt::format(
        "model = {0}/model\ndata = {0}/data\ncache = none\nlength = 16\ntune.blocks = 0,1\ntune.mlp-only = "
        "0\n"
        "train-limit = 12\nlimit = 6\nwarmup.lr = 1e-2\nsearch.hvp-batches = 1\nsearch.batches = 1\n"
        "search.probes = 3\nsearch.watch = 2\nsearch.steps = 4\n",
        folder_.path().string());
  }
  void write_sweep(const std::string& lines) {
    world_.barrier();
    if (world_.is_root()) write_file(folder_ / "sweep.cfg", common() + lines);
    world_.barrier();
  }
  JobRun sweep(const std::string& more = "") {
    testing::internal::CaptureStdout();  // of the groups, which speak for themselves
    testing::internal::CaptureStderr();
    JobRun run = run_in_process(Job::sweep, sweep_job,
                                words_of(at("sweep.cfg") + " --out " + at("out") + " " + more), world_);
    said_ = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
    world_.barrier();
    return run;
  }
  JobRun status() {
    return run_in_process(Job::sweep, sweep_job, {"status", at("out"), "--json", at("status.json")}, world_);
  }
  /// The run of one point by itself, on as many ranks as a group has.
  void run_alone(const std::string& name, const std::string& more, const Communicator& comm) {
    const JobRun run = run_in_process(
        Job::run, run_job, words_of("--config " + at("alone.cfg") + " --out " + at(name) + " " + more), comm);
    EXPECT_EQ(run.code, ExitCode::done) << run.error;
  }
  [[nodiscard]] json result_of(const std::string& run) const { return comparable_result(folder_ / run); }
  [[nodiscard]] std::vector<json> metrics_of(const std::string& run) const {
    return comparable_metrics(folder_ / run);
  }
  [[nodiscard]] std::string model_of(const std::string& folder) const {
    return digest_file(folder_ / (folder + "/model.safetensors")).xxh3_128;
  }
  /// That a point ended as the same run by itself.
  void expect_as_alone(const std::string& point, const std::string& alone) {
    if (!world_.is_root()) return;
    SCOPED_TRACE(point);
    const std::string run = "out/points/" + point;
    EXPECT_EQ(result_of(run), result_of(alone));
    EXPECT_EQ(metrics_of(run), metrics_of(alone));
    for (const auto& item : fs::directory_iterator(folder_ / (alone + "/checkpoints"))) {
      const std::string kept = "/checkpoints/" + item.path().filename().string();
      EXPECT_EQ(model_of(run + kept), model_of(alone + kept)) << kept;
    }
    EXPECT_EQ(model_of(run + "/model"), model_of(alone + "/model"));
  }
  [[nodiscard]] PointRecord record(const std::string& point) const {
    return SweepFolder(folder_ / "out").record(point);
  }
  [[nodiscard]] PointState state(const std::string& point) const {
    return SweepFolder(folder_ / "out").state(point);
  }

  std::string said_;
  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
  SolverSession solvers_{world_};
};

/// Rows as those of the paper's Table 2, N_WE = 10, 15, …, 35, at a fifth of the length.
constexpr int kRows[] = {2, 3, 4, 5, 6, 7};

TEST_F(SweepJob, RowsOfOneWarmupCostItsLongestAndEndAsAlone) {
  write_sweep("warmup.epochs = 2 | 3 | 4 | 5 | 6 | 7\nwarmup.keep = 1\n");
  const JobRun run = sweep();
  EXPECT_EQ(run.code, ExitCode::done) << run.error;
  if (world_.is_root()) write_file(folder_ / "alone.cfg", common() + "warmup.keep = 1\n");
  world_.barrier();
  std::int64_t taken = 0;
  for (const int epochs : kRows) {
    const std::string alone = fmt::format("alone-{}", epochs),
                      point = fmt::format("warmup.epochs={}", epochs);
    run_alone(alone, fmt::format("--warmup.epochs {}", epochs), world_);
    expect_as_alone(point, alone);
    if (world_.is_root()) taken += record(point).warmup_steps;
  }
  if (!world_.is_root()) return;
  const std::int64_t longest = 3 * 7;  // batches of an epoch
  EXPECT_EQ(std::ranges::count_if(metrics_of("alone-7"),
                                  [](const json& line) { return line.at("kind") == "step"; }),
            longest);
  EXPECT_LE(taken, 1.15 * longest);
  EXPECT_EQ(taken, longest) << "no step is taken twice";
  EXPECT_EQ(record("warmup.epochs=7").warmup_from, "warm-up, epoch 6 of warmup.epochs=6");
  EXPECT_TRUE(fs::is_empty(folder_ / "out/shared")) << "nothing that was shared stays";
}

TEST_F(SweepJob, GroupsOfOneRankWorkSideBySideAndEndAsOneRankDoes) {
  write_sweep("warmup.epochs = 1 | 2\nseed = 0 | 1 | 2\n");
  EXPECT_EQ(sweep("--ranks-each 1").code, ExitCode::done);
  if (world_.is_root()) {
    write_file(folder_ / "alone.cfg", common());
    std::int64_t taken = 0;
    for (const int epochs : {1, 2}) {
      for (const int seed : {0, 1, 2}) {
        const std::string alone = fmt::format("alone-{}-{}", epochs, seed);
        const std::string point = fmt::format("warmup.epochs={},seed={}", epochs, seed);
        const Communicator self = Communicator::self();
        run_alone(alone, fmt::format("--warmup.epochs {} --seed {}", epochs, seed), self);
        expect_as_alone(point, alone);
        EXPECT_EQ(record(point).ranks, 1);
        taken += record(point).warmup_steps;
      }
    }
    EXPECT_EQ(taken, 3 * 3 * 2) << "three warm-ups of two epochs";
  }
  world_.barrier();
}

TEST_F(SweepJob, SearchesFromOnePointShareWhatTheyMakeFirst) {
  write_sweep("warmup.epochs = 1\nlp.radius = 0.01 | 0.02\ncheckpoint.memo = always\n");
  EXPECT_EQ(sweep().code, ExitCode::done);
  if (world_.is_root()) write_file(folder_ / "alone.cfg", common());
  world_.barrier();
  for (const char* radius : {"0.01", "0.02"}) {
    run_alone(std::string("alone-") + radius, fmt::format("--warmup.epochs 1 --lp.radius {}", radius),
              world_);
    expect_as_alone(std::string("lp.radius=") + radius, std::string("alone-") + radius);
  }
  if (!world_.is_root()) return;
  EXPECT_EQ(record("lp.radius=0.01").taken_over, 0);
  EXPECT_EQ(record("lp.radius=0.02").warmup_steps, 0);
  // Three rows, two gradients, the loss of train, the self-check's products if they are kept.
  EXPECT_GE(record("lp.radius=0.02").taken_over, 6);
}

TEST_F(SweepJob, OnlyWhatIsEqualIsShared) {
  write_sweep(
      "warmup.epochs = 1\ncheckpoint.memo = always\n[point a]\nsearch.holdout = 0.5\n[point "
      "b]\nsearch.batches = "
      "2\nbatch = 3\n[point c]\nwarmup.schedule = cosine\n[point d]\nwarmup.schedule = cosine\nwarmup.epochs "
      "= 2\n");
  EXPECT_EQ(sweep().code, ExitCode::done);
  if (world_.is_root()) write_file(folder_ / "alone.cfg", common());
  world_.barrier();
  run_alone("alone-a", "--warmup.epochs 1 --search.holdout 0.5", world_);
  run_alone("alone-b", "--warmup.epochs 1 --search.batches 2 --batch 3", world_);
  run_alone("alone-d", "--warmup.epochs 2 --warmup.schedule cosine", world_);
  for (const char* name : {"a", "b", "d"}) expect_as_alone(name, std::string("alone-") + name);
  if (!world_.is_root()) return;
  for (const char* name : {"a", "b", "c", "d"}) {
    EXPECT_EQ(record(name).warmup_from, "") << name;
    EXPECT_EQ(record(name).taken_over, 0) << name;
  }
}

TEST_F(SweepJob, ABudgetThatPaysForNothingMakesThatPointInvalid) {
  write_sweep("[point poor]\nmethod = early-stop\nmethod.budget = 9\n[point rival]\nmethod = early-stop\n");
  const JobRun run = sweep();
  EXPECT_EQ(run.code, ExitCode::partial);
  if (world_.is_root()) {
    EXPECT_EQ(state("rival"), PointState::done);
    EXPECT_EQ(state("poor"), PointState::invalid);
    EXPECT_THAT(record("poor").message, HasSubstr("--method.budget: not enough"));
  }
}

TEST_F(SweepJob, OneThatIsWrongOrFailsNeitherStopsNorHidesTheOthers) {
  write_sweep("warmup.epochs = 1 | 2 | -1\n[point good]\n[point diverges]\nwarmup.lr = 1e30\n");
  const JobRun run = sweep();
  EXPECT_EQ(run.code, ExitCode::partial);
  EXPECT_THAT(run.error, HasSubstr("2 DONE, 2 FAILED, 2 INVALID of 6 points"));
  if (world_.is_root()) {
    EXPECT_EQ(state("good,warmup.epochs=1"), PointState::done);
    EXPECT_EQ(state("good,warmup.epochs=2"), PointState::done);
    EXPECT_THAT(record("good,warmup.epochs=-1").message, HasSubstr("--warmup.epochs"));
    EXPECT_FALSE(fs::exists(folder_ / "out/points/good,warmup.epochs=-1"));
    const PointRecord diverged = record("diverges,warmup.epochs=2");
    EXPECT_EQ(diverged.code, 4);
    EXPECT_THAT(diverged.message, HasSubstr("expected a finite number"));
    EXPECT_THAT(said_, HasSubstr("diverges,warmup.epochs=1 is FAILED"));
    EXPECT_THAT(read_file(folder_ / "out/sweep.csv"),
                AllOf(HasSubstr("diverges,warmup.epochs=2"), HasSubstr("INVALID")));
  }
  EXPECT_EQ(sweep().code, ExitCode::partial) << "started again it has nothing to do";
  if (world_.is_root()) {
    EXPECT_EQ(record("good,warmup.epochs=1").starts, 1);
    EXPECT_EQ(record("diverges,warmup.epochs=1").starts, 1);
  }
  EXPECT_EQ(sweep("--retry").code, ExitCode::partial);
  if (world_.is_root()) {
    EXPECT_EQ(record("good,warmup.epochs=1").starts, 1);
    EXPECT_EQ(record("diverges,warmup.epochs=1").starts, 2);
    EXPECT_EQ(record("good,warmup.epochs=-1").starts, 0);
  }
  status();
  if (!world_.is_root()) return;
  const json answer = json::parse(read_file(folder_ / "status.json"));
  EXPECT_EQ(answer.at("states").at("FAILED"), 2);
  EXPECT_EQ(answer.at("states").at("PENDING"), 0);
  EXPECT_EQ(answer.at("points").size(), 6U);
}

TEST_F(SweepJob, AFileThatChangesIsWhatCounts) {
  write_sweep("warmup.epochs = 0 | 1 | x\n");
  EXPECT_EQ(sweep().code, ExitCode::partial);
  write_sweep("warmup.epochs = 1 | 2\n");
  EXPECT_EQ(sweep().code, ExitCode::done);
  if (world_.is_root()) {
    EXPECT_EQ(record("warmup.epochs=1").starts, 1);
    EXPECT_EQ(record("warmup.epochs=2").starts, 1);
  }
  const JobRun told = status();
  if (world_.is_root()) {
    EXPECT_THAT(told.out,
                AllOf(HasSubstr("2 DONE of 2 points"), HasSubstr("1 in "), Not(HasSubstr("epochs=0"))));
  }
  // What is common to all is not in their names: another value is another run, and is refused by name.
  write_sweep("warmup.epochs = 2 | 3\nlp.relax = 0.5\n");
  EXPECT_EQ(sweep().code, ExitCode::partial);
  if (world_.is_root()) {
    EXPECT_EQ(state("warmup.epochs=3"), PointState::done);
  }
  status();
  if (!world_.is_root()) return;
  EXPECT_EQ(json::parse(read_file(folder_ / "status.json")).at("states").at("INVALID"), 1);
}

TEST_F(SweepJob, OnOtherRanksNothingIsTakenOver) {
  if (world_.size() != 2) GTEST_SKIP() << "of two ranks";
  write_sweep(
      "warmup.epochs = 1\nlp.radius = 0.01 | 0.02\ncheckpoint.memo = always\ncheckpoint.minutes = 1e-6\n");
  EXPECT_EQ(sweep("--max-hours 1e-6").code, ExitCode::stopped);
  EXPECT_EQ(sweep("--ranks-each 1").code, ExitCode::done);
  if (world_.is_root()) {
    EXPECT_EQ(record("lp.radius=0.02").taken_over, 0);
    EXPECT_EQ(record("lp.radius=0.02").warmup_from, "");
    write_file(folder_ / "alone.cfg", common());
    const Communicator self = Communicator::self();
    run_alone("alone", "--warmup.epochs 1 --lp.radius 0.02", self);
    expect_as_alone("lp.radius=0.02", "alone");
    EXPECT_TRUE(fs::is_empty(folder_ / "out/shared"));
  }
  world_.barrier();
}

TEST_F(SweepJob, RecordsThatAreNotWholeAreSaidAndHideNothing) {
  write_sweep("warmup.epochs = 0 | 1\n");
  EXPECT_EQ(sweep().code, ExitCode::done);
  if (world_.is_root()) {
    write_file(folder_ / "out/state/warmup.epochs=0.json", "{");
    write_file(folder_ / "out/points/warmup.epochs=1/result.json", "{");
  }
  const JobRun told = status();
  EXPECT_EQ(told.code, ExitCode::done);
  if (world_.is_root()) {
    EXPECT_THAT(told.out, AllOf(HasSubstr("warmup.epochs=0.json: not JSON"),
                                HasSubstr("result.json: not JSON"), HasSubstr("2 FAILED of 2 points")));
  }
  EXPECT_EQ(sweep().code, ExitCode::partial);
  if (world_.is_root()) fs::remove(folder_ / "out/points/warmup.epochs=1/result.json");
  EXPECT_EQ(sweep("--retry").code, ExitCode::done) << "the record is written anew";
}

TEST_F(SweepJob, InputsThatChangedAreAnotherWarmup) {
  write_sweep(
      "warmup.epochs = 1\nlp.radius = 0.01 | 0.02\ncheckpoint.minutes = 1e-6\n[point a]\n[point b]\nseed = "
      "x\n");
  EXPECT_EQ(sweep().code, ExitCode::partial);
  const std::string train = folder_ / "data/train.txt";
  if (world_.is_root()) {
    ASSERT_TRUE(fs::exists(train)) << "the toy text has another name";
    std::ofstream(train, std::ios::app) << "the red bird sat on a mat .\n";
    fs::remove_all(folder_ / "out/points/a,lp.radius=0.02");
    fs::remove(folder_ / "out/state/a,lp.radius=0.02.json");
  }
  EXPECT_EQ(sweep().code, ExitCode::partial);
  if (world_.is_root()) {
    EXPECT_EQ(state("a,lp.radius=0.02"), PointState::done);
    EXPECT_EQ(record("a,lp.radius=0.02").warmup_from, "");
  }
}

TEST_F(SweepJob, TimeThatIsUpLeavesPointsThatGoOn) {
  write_sweep("warmup.epochs = 1 | 2\ncheckpoint.minutes = 1e-6\n");
  const JobRun first = sweep("--max-hours 1e-6");  // less than planning takes: one step is done all the same
  EXPECT_EQ(first.code, ExitCode::stopped) << first.error;
  EXPECT_THAT(first.error, HasSubstr("1 PREEMPTED, 1 PENDING of 2 points; the same command goes on"));
  if (world_.is_root()) {
    EXPECT_EQ(state("warmup.epochs=1"), PointState::preempted);
    EXPECT_GT(record("warmup.epochs=1").warmup_steps, 0);
    EXPECT_THAT(record("warmup.epochs=1").message, AllOf(HasSubstr("--max-hours"), Not(HasSubstr("--resume")),
                                                         HasSubstr("the same command goes on")));
  }
  EXPECT_EQ(sweep().code, ExitCode::done);
  if (world_.is_root()) write_file(folder_ / "alone.cfg", common());
  world_.barrier();
  run_alone("alone", "--warmup.epochs 2", world_);
  expect_as_alone("warmup.epochs=2", "alone");
}

TEST_F(SweepJob, ADryRunSaysWhatItWouldTakeAndWritesNothing) {
  write_sweep("warmup.epochs = 2 | 7\n[point a]\n[point b]\nseed = 3\n");
  const JobRun run = sweep("--dry-run");
  EXPECT_EQ(run.code, ExitCode::done) << run.error;
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  if (world_.is_root()) {
    EXPECT_THAT(run.out, AllOf(HasSubstr("7, from 2 on"), HasSubstr("42 steps, of 54 that all points would"),
                               HasSubstr("walltime"), HasSubstr("memory of a rank")));
  }
  write_sweep("warmup.epochs = 2 | -2\ntune.learning-rate = up\n[point a]\nmodel = none\n[point b]\n");
  const JobRun wrong = sweep("--dry-run");
  EXPECT_EQ(wrong.code, ExitCode::usage);
  EXPECT_THAT(wrong.error, HasSubstr("4 of 4 points are invalid, the first a,warmup.epochs=2: "));
  EXPECT_EQ(sweep().code, ExitCode::usage) << "nothing could be done";
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(SweepJob, ADryRunTellsWhichPointsShareAWarmup) {
  write_sweep(
      "warmup.epochs = 1\n[point a]\n[point alone]\nseed = 1\n[point b]\nlp.radius = 1\nwarmup.epochs = 3\n"
      "[point c]\nwarmup.lr = 1e-3\n[point d]\nwarmup.lr = 1e-3\nsearch.rounds = 2\n");
  const JobRun run = sweep("--dry-run");
  if (!world_.is_root()) return;
  std::istringstream lines(run.out);
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) {
    const auto words = words_of(line);
    if (words.size() > 3 && (words[1] == "shared" || words[1] == "its"))
      found.push_back(words[0] + " " + words[1] + " " + words[2]);
  }
  EXPECT_THAT(found,
              testing::ElementsAre("a shared 1", "b shared 1", "alone its own", "c shared 2", "d shared 2"));
}

TEST_F(SweepJob, RefusesWhatMakesNoSweep) {
  write_sweep("warmup.epochs = 0\n");
  const auto refusal = [&](const std::string& line) {
    const JobRun run = run_in_process(Job::sweep, sweep_job, words_of(line), world_);
    EXPECT_EQ(run.code, ExitCode::usage) << line;
    return run.error;
  };
  const std::string file = at("sweep.cfg"), ranks = std::to_string(world_.size() + 1);
  EXPECT_THAT(refusal(file), HasSubstr("needs --out"));
  EXPECT_THAT(refusal(file + " b --out o"), HasSubstr("'b' stands beside it"));
  EXPECT_THAT(refusal(file + " --out o --ranks-each " + ranks), HasSubstr("cannot be divided"));
  EXPECT_THAT(refusal(file + " --out " + at("model")), HasSubstr("something else than a sweep"));
  EXPECT_THAT(refusal("status o --retry"), HasSubstr("lift sweep status takes no --retry"));
  EXPECT_THAT(refusal(file + " --dry-run --out " + at("model")), HasSubstr("something else than a sweep"));
  EXPECT_THAT(refusal("status"), HasSubstr("lift sweep status OUT"));
  EXPECT_THAT(refusal("status " + at("model")), HasSubstr("is not the folder of a sweep"));
  EXPECT_THAT(refusal(file + " --out o --stop-signals KILL"), HasSubstr("none of TERM"));
  const JobRun missing = run_in_process(Job::sweep, sweep_job, {at("none.cfg"), "--out", "o"}, world_);
  EXPECT_EQ(missing.code, ExitCode::input);
  EXPECT_THAT(missing.error, HasSubstr("none.cfg"));
}

}  // namespace
}  // namespace lift
