// What points of a sweep share is what each would have made itself, whatever option tells them apart.
#include "jobs/sweep_sharing.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "jobs/run_job.hpp"
#include "jobs/sweep_job.hpp"
#include "mpi/error.hpp"
#include "solvers/session.hpp"
#include "src/files/atomic_file.hpp"
#include "src/files/file_digest.hpp"
#include "src/sweep/sweep_folder.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

/// Lines of a point that differs from the plain one in an option, by its name, and in what that needs.
using Variant = std::map<std::string, std::string>;

const std::map<std::string, Variant>& variants() {
  static const std::map<std::string, Variant> all = {
      {"lp.radius", {{"lp.radius", "0.02"}}},
      {"lp.radius-unit", {{"lp.radius-unit", "absolute"}}},
      {"lp.trust-region", {{"lp.trust-region", "l2"}, {"lp.radius-unit", "norm"}}},
      {"lp.method", {{"lp.method", "mehrotra"}}},
      {"lp.relax", {{"lp.relax", "0.1"}}},
      {"lp.crossover", {{"lp.crossover", "on"}}},
      {"lp.time-limit", {{"lp.time-limit", "500"}}},
      {"lp.lambda", {{"lp.lambda", "linear"}}},
      {"lp.lambda-scale", {{"lp.lambda-scale", "0.5"}}},
      {"direction", {{"direction", "gradient"}}},
      {"preset", {{"preset", "paper"}}},
      {"search.lambda", {{"search.lambda", "1e-3"}}},
      {"search.sequences", {{"search.sequences", "4"}}},
      {"search.holdout", {{"search.holdout", "0.5"}}},
      {"search.rounds", {{"search.rounds", "2"}}},
      {"search.min-gain", {{"search.min-gain", "0.5"}, {"search.rounds", "2"}}},
      {"search.corrector-steps", {{"search.corrector-steps", "2"}, {"search.rounds", "2"}}},
      {"search.corrector-lr",
       {{"search.corrector-lr", "1e-3"}, {"search.corrector-steps", "2"}, {"search.rounds", "2"}}},
      {"search.batches", {{"search.batches", "2"}}},
      {"search.probes", {{"search.probes", "5"}}},
      {"search.probe-kind", {{"search.probe-kind", "krylov"}}},
      {"search.probe-space", {{"search.probe-space", "joint"}}},
      {"search.hvp", {{"search.hvp", "central"}}},
      {"search.fd-step", {{"search.fd-step", "1e-2"}, {"search.hvp", "central"}}},
      {"search.curvature", {{"search.curvature", "ggn"}}},
      {"search.damping", {{"search.damping", "2"}, {"direction", "exact"}}},
      {"search.solve-tol", {{"search.solve-tol", "1e-2"}, {"direction", "exact"}, {"search.damping", "2"}}},
      {"search.max-hvps", {{"search.max-hvps", "9"}, {"direction", "exact"}, {"search.damping", "2"}}},
      {"search.basis", {{"search.basis", "5"}, {"direction", "exact"}, {"search.damping", "2"}}},
      {"search.hypergradient",
       {{"search.hypergradient", "on"}, {"search.max-hvps", "9"}, {"search.damping", "2"}}},
      {"search.hvp-batches", {{"search.hvp-batches", "2"}}},
      {"search.line", {{"search.line", "model"}}},
      {"search.ratio", {{"search.ratio", "on"}}},
      {"search.steps", {{"search.steps", "6"}}},
      {"search.max-step", {{"search.max-step", "2"}}},
      {"search.watch", {{"search.watch", "0"}}},
      {"recover.interpolate", {{"recover.interpolate", "on"}}},
      {"recover.overshoot",
       {{"recover.overshoot", "2"}, {"recover.interpolate", "on"}, {"recover.corrector-epochs", "1"}}},
      {"recover.corrector-epochs", {{"recover.corrector-epochs", "1"}}},
      {"tune.learning-rate", {{"tune.learning-rate", "on"}, {"recover.corrector-epochs", "1"}}},
      {"curvature.report", {{"curvature.report", "on"}, {"curvature.max-hvps", "40"}}},
      {"curvature.max-hvps", {{"curvature.report", "on"}, {"curvature.max-hvps", "44"}}},
      {"curvature.basis",
       {{"curvature.report", "on"}, {"curvature.max-hvps", "40"}, {"curvature.basis", "9"}}},
      {"curvature.tol",
       {{"curvature.report", "on"}, {"curvature.max-hvps", "40"}, {"curvature.tol", "1e-2"}}},
      {"curvature.failure",
       {{"curvature.report", "on"}, {"curvature.max-hvps", "40"}, {"curvature.failure", "0.1"}}},
      {"curvature.damping",
       {{"curvature.report", "on"}, {"curvature.max-hvps", "40"}, {"curvature.damping", "3"}}},
      {"curvature.density",
       {{"curvature.report", "on"}, {"curvature.max-hvps", "40"}, {"curvature.density", "1"}}},
      {"curvature.blocks",
       {{"curvature.report", "on"}, {"curvature.max-hvps", "40"}, {"curvature.blocks", "off"}}},
      {"method", {{"method", "wise"}}},
      {"method.start", {{"method", "early-stop"}, {"method.steps", "3"}, {"method.start", "warmup"}}},
      {"method.budget", {{"method", "early-stop"}, {"method.budget", "300"}}},
      {"method.steps", {{"method", "validation-steps"}, {"method.steps", "3"}}},
      {"method.lr", {{"method", "train-valid"}, {"method.steps", "3"}, {"method.lr", "1e-3"}}},
      {"method.schedule", {{"method", "early-stop"}, {"method.steps", "3"}, {"method.schedule", "linear"}}},
      {"method.evaluations", {{"method", "early-stop"}, {"method.steps", "3"}, {"method.evaluations", "2"}}},
      {"method.trials", {{"method", "grid"}, {"method.steps", "4"}, {"method.trials", "2"}}},
      {"method.lambda-low",
       {{"method", "random"}, {"method.steps", "4"}, {"method.trials", "2"}, {"method.lambda-low", "1e-6"}}},
      {"method.lambda-high",
       {{"method", "random"}, {"method.steps", "4"}, {"method.trials", "2"}, {"method.lambda-high", "1e-1"}}},
      {"method.grid", {{"method", "wise"}, {"method.grid", "3"}}},
      {"method.tensor-grid", {{"method", "wise-tensors"}, {"method.tensor-grid", "2"}}},
      {"tpgm.norm", {{"method", "tpgm-once"}, {"method.steps", "3"}, {"tpgm.norm", "mars"}}},
      {"tpgm.every", {{"method", "tpgm"}, {"method.steps", "3"}, {"tpgm.every", "2"}}},
      {"tpgm.updates", {{"method", "tpgm"}, {"method.steps", "3"}, {"tpgm.updates", "2"}}},
      {"tpgm.lr", {{"method", "tpgm"}, {"method.steps", "3"}, {"tpgm.lr", "0.1"}}},
      {"tpgm.exclude", {{"method", "ftp"}, {"method.steps", "3"}, {"tpgm.exclude", ".bias"}}},
      {"ftp.shrink", {{"method", "ftp"}, {"method.steps", "3"}, {"ftp.shrink", "0"}}},
      {"penalty.gamma", {{"method", "f2sa"}, {"method.steps", "3"}, {"penalty.gamma", "3"}}},
      {"penalty.inner", {{"method", "pbgd-free"}, {"method.steps", "3"}, {"penalty.inner", "2"}}},
      {"penalty.lr", {{"method", "f2sa-lambda"}, {"method.steps", "3"}, {"penalty.lr", "0.2"}}},
      {"penalty.inner-lr", {{"method", "bome"}, {"method.steps", "3"}, {"penalty.inner-lr", "1e-3"}}},
      {"penalty.rule", {{"method", "v-pbgd"}, {"method.steps", "3"}, {"penalty.rule", "gradient"}}},
      {"penalty.weight", {{"method", "alright"}, {"method.steps", "3"}, {"penalty.weight", "0.9"}}},
      {"penalty.lower-blocks", {{"method", "f2sa"}, {"method.steps", "3"}, {"penalty.lower-blocks", "1"}}},
      {"penalty.flatness", {{"method", "pbgd-free"}, {"method.steps", "3"}, {"penalty.flatness", "2"}}},
      {"penalty.flatness-steps",
       {{"method", "f2sa"},
        {"method.steps", "3"},
        {"penalty.flatness", "2"},
        {"penalty.flatness-steps", "4"}}},
      {"save.dtype", {{"save.dtype", "f16"}}},
      {"checkpoint.minutes", {{"checkpoint.minutes", "0"}}},
      {"checkpoint.keep", {{"checkpoint.keep", "1"}}},
      {"checkpoint.memo", {{"checkpoint.memo", "never"}}},
  };
  return all;
}

bool is_among(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view known) {
    return name == known || (known.ends_with('.') && name.starts_with(known));
  });
}

class SweepSharing : public testing::Test {
 protected:
  void SetUp() override {
    if (world_.is_root()) write_toy_inputs(folder_.path());
    world_.barrier();
  }
  [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] Variant plain() const {
    return {{"model", at("model")},  {"data", at("data")},          {"length", "16"},
            {"tune.blocks", "0,1"},  {"tune.mlp-only", "0"},        {"train-limit", "12"},
            {"limit", "6"},          {"warmup.lr", "1e-2"},         {"search.hvp-batches", "1"},
            {"search.batches", "1"}, {"search.probes", "3"},        {"search.watch", "2"},
            {"search.steps", "4"},   {"checkpoint.memo", "always"}, {"cache", "none"}};
  }
  void write(const std::string& name, const std::string& text) {
    if (world_.is_root()) write_file(folder_ / name, text);
    world_.barrier();
  }
  static std::string lines(const Variant& options) {
    std::string text;
    for (const auto& [name, value] : options) text += name + " = " + value + "\n";
    return text;
  }
  [[nodiscard]] std::string model_of(const std::string& run) const {
    return digest_file(folder_ / (run + "/model/model.safetensors")).xxh3_128;
  }
  JobRun sweep(const std::string& text) {
    write("sweep.cfg", text);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    JobRun run = run_in_process(Job::sweep, sweep_job, {at("sweep.cfg"), "--out", at("out")}, world_);
    (void)testing::internal::GetCapturedStdout();
    (void)testing::internal::GetCapturedStderr();
    return run;
  }
  [[nodiscard]] PointRecord record(const std::string& point) const {
    return SweepFolder(folder_ / "out").record(point);
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
  SolverSession solvers_{world_};
};

TEST_F(SweepSharing, WhateverTellsPointsApartEachEndsAsAlone) {
  std::string text = lines(plain());
  text += "[point plain]\n[point later]\nwarmup.epochs = 2\n";
  for (const auto& [name, options] : variants()) {
    std::string point = name;
    std::ranges::replace(point, '.', '-');
    text += "[point " + point + "]\n" + lines(options);
  }
  const JobRun ran = sweep(text);
  EXPECT_EQ(ran.code, ExitCode::done) << ran.error;
  write("plain.cfg", lines(plain()));
  int shared = 0;
  for (const auto& [name, options] : variants()) {
    SCOPED_TRACE(name);
    std::string point = name;
    std::ranges::replace(point, '.', '-');
    std::vector<std::string> words = {"--config", at("plain.cfg"), "--out", at("alone-" + point)};
    for (const auto& [option, value] : options) words.push_back("--" + option + "=" + value);
    const JobRun run = run_in_process(Job::run, run_job, words, world_);
    EXPECT_EQ(run.code, ExitCode::done) << run.error;
    world_.barrier();
    if (!world_.is_root()) continue;
    EXPECT_EQ(model_of("out/points/" + point), model_of("alone-" + point));
    EXPECT_EQ(record(point).warmup_steps, 0) << "the warm-up is shared";
    shared += record(point).taken_over > 0 ? 1 : 0;
  }
  if (world_.is_root()) {
    EXPECT_GE(shared, 14) << "first results are shared as well";
  }
}

TEST_F(SweepSharing, EveryOptionThatMayDifferIsTried) {
  for (const OptionSpec& spec : option_table()) {
    if (!spec.belongs_to(Job::run) || spec.place == Place::command_line) continue;
    const bool may = is_among(spec.name, kAfterWarmup) || is_among(spec.name, kAfterFirstResults);
    if (!may || spec.name == "out" || spec.name == "cache" || spec.name == "search.keep") continue;
    EXPECT_TRUE(variants().contains(std::string(spec.name))) << spec.name << " is not among the variants";
  }
  for (const std::string_view name : kAfterFirstResults)
    EXPECT_TRUE(is_among(name, kAfterWarmup)) << name << ": whoever shares first results shares the warm-up";
}

TEST_F(SweepSharing, NamesDifferWithWhateverElseBitsDependOn) {
  const auto names = [&](Variant more, const std::string& surroundings) {
    Variant options = plain();
    for (const auto& [name, value] : more) options[name] = value;
    const Options parsed = Options::parse(Job::run, std::vector<std::string>{"--config", "f", "--out", "o"},
                                          [&](const std::filesystem::path&) { return lines(options); });
    return shared_names(parsed, plan_run(parsed), surroundings);
  };
  const SharedNames base = names({}, "here");
  EXPECT_EQ(names({{"warmup.epochs", "7"}}, "here").warmup, base.warmup);
  EXPECT_NE(names({{"warmup.epochs", "7"}}, "here").memo, base.memo);
  EXPECT_NE(names({{"warmup.epochs", "7"}, {"warmup.schedule", "linear"}}, "here").warmup,
            names({{"warmup.epochs", "8"}, {"warmup.schedule", "linear"}}, "here").warmup);
  EXPECT_NE(names({}, "on other ranks").warmup, base.warmup);
  EXPECT_NE(names({}, "on other ranks").memo, base.memo);
  for (const auto& [name, value] : Variant{{"seed", "1"},
                                           {"batch", "3"},
                                           {"micro-batch", "2"},
                                           {"recompute", "on"},
                                           {"limit", "5"},
                                           {"train-limit", "9"},
                                           {"length", "12"},
                                           {"tune.blocks", "1"},
                                           {"tune.lora", "2"},
                                           {"warmup.lr", "1e-3"},
                                           {"warmup.lambda", "1e-3"},
                                           {"warmup.clip", "2"},
                                           {"warmup.keep", "1"},
                                           {"regularizer", "l2-sp"},
                                           {"precision", "fp64"},
                                           {"deterministic", "true"}}) {
    Variant more = {{name, value}};
    if (name == "tune.blocks") more["tune.mlp-only"] = "1";
    EXPECT_NE(names(more, "here").warmup, base.warmup) << name;
    EXPECT_NE(names(more, "here").memo, base.memo) << name;
  }
  const SharedNames pairs = names({{"tune.lora", "2"}}, "here");
  for (const auto& [name, value] : Variant{{"tune.lora-alpha", "5"}, {"tune.lora-targets", "mlp"}}) {
    EXPECT_NE(names({{"tune.lora", "2"}, {name, value}}, "here").warmup, pairs.warmup) << name;
    EXPECT_NE(names({{"tune.lora", "2"}, {name, value}}, "here").memo, pairs.memo) << name;
  }
}

}  // namespace
}  // namespace lift
