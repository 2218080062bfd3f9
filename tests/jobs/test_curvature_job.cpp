#include "jobs/curvature_job.hpp"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "jobs/corpus_inputs.hpp"
#include "jobs/run_job.hpp"
#include "solvers/session.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/safetensors.hpp"
#include "src/model/stored_tensor.hpp"
#include "src/objective/distributed.hpp"
#include "src/report/run_result.hpp"
#include "src/search/probes.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::json;

constexpr const char* kBlocks = "--tune.blocks 0,1 --tune.mlp-only 1 --warmup.lambda 1e-3 ";

class CurvatureJob : public testing::Test {
 protected:
  CurvatureJob() {
    if (world_.is_root()) write_toy_inputs(folder_.path());
    world_.barrier();
  }
  JobRun run(const std::string& more, Job job = Job::curvature) {
    std::string words = fmt::format(
        "--model {0}/model --data {0}/data --cache none --length 16 --batch 3 --seed 4 --out {0}/{1} {2}",
        folder_.path().string(), out(++runs_), more);
    if (more.find("hvp-batches") == std::string::npos) words += " --search.hvp-batches 2";
    JobRun ending = run_in_process(job, job == Job::run ? run_job : curvature_job, words_of(words), world_);
    world_.barrier();
    return ending;
  }
  Json answer(const std::string& more) {
    const JobRun ending = run(more);
    EXPECT_EQ(ending.code, ExitCode::done) << more << ": " << ending.error;
    return ending.code == ExitCode::done ? Json::parse(text_of(path("curvature.json"))) : Json();
  }
  [[nodiscard]] static std::string out(int k) { return fmt::format("report-{}", k); }
  /// In the folder of the last report.
  [[nodiscard]] std::filesystem::path path(const std::string& name) const {
    return folder_ / out(runs_) / name;
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
  SolverSession solvers_{world_};
  int runs_ = 0;
};

TEST_F(CurvatureJob, LeavesTheReportAndWhatProvesIt) {
  const JobRun ending = run(std::string(kBlocks) + "--curvature.max-hvps 120 --precision fp64");
  ASSERT_EQ(ending.code, ExitCode::done) << ending.error;
  EXPECT_THAT(ending.unread, ElementsAre("petsc")) << "read where PETSc is started";
  const Json report = Json::parse(text_of(path("curvature.json")));
  EXPECT_EQ(report["h22"]["verdict"], "fails") << "random weights";
  EXPECT_EQ(report["h22"]["of"], "H22 without key biases");
  EXPECT_EQ(report["sequences"], 6);
  EXPECT_GT(report["of_sequences"], 6);
  EXPECT_EQ(report["lambda"], Json({1e-3, 1e-3}));
  EXPECT_EQ(report["singular"], false);
  EXPECT_EQ(report["rank_h21"], 2);
  EXPECT_GE(report["h22"]["negative_found"], 1);
  EXPECT_GE(report["h22"]["negative_found"], report["blocks"][1]["negative_found"]);
  EXPECT_GE(report["joint_negative_found"], report["h22"]["negative_found"]);
  EXPECT_GE(report["joint_negative_found"], 2);
  EXPECT_EQ(report["null_directions"], 0);
  EXPECT_EQ(report["blocks"].size(), 2U);
  EXPECT_EQ(report["density"].size(), 2U);
  EXPECT_LE(report["products"], 120 + 2);
  for (const char* name : {"config.cfg", "provenance.json", "log.txt", "figures/spectral_density.gp"})
    EXPECT_TRUE(std::filesystem::exists(path(name))) << name;
  if (!world_.is_root()) return;
  EXPECT_THAT(ending.out, AllOf(HasSubstr("H22"), HasSubstr("block 1"), HasSubstr("fails"),
                                HasSubstr("H22 without key biases: at least "),
                                HasSubstr("2 positive and 2 negative"), HasSubstr("S = -H12")));
}

/// The vector, against second differences of the regularised loss that know nothing of products.
TEST_F(CurvatureJob, TheVectorShowsItsCurvatureInTheLossItself) {
  const Json report =
      answer(std::string(kBlocks) + "--curvature.max-hvps 80 --curvature.blocks off --precision fp64");
  Gpt2 model = load_checkpoint(folder_ / "model", at::kDouble, at::kCPU, world_);
  const TunedLayout layout(model.config(), {.blocks = {0, 1}, .mlp_only = {1}, .regularizers = {}});
  const TunedParameters tuned(model, layout);
  const Objective objective(model, tuned, 4);
  CorpusOptions corpus;
  corpus.folder = folder_ / "data";
  corpus.length = 16;
  Tokenizer tokenizer = load_tokenizer(folder_ / "model", model.config(), world_);
  const SequenceSet train = load_split(corpus, Split::train, tokenizer, world_);
  const auto sequences = sample_sequences(4, 0, Sample::hessian, train.size(), 6);

  at::Tensor w = tuned.flat(), v = w.clone();
  const SafetensorsFile file(path("vectors.safetensors"));
  for (std::size_t k = 0; k < layout.tensors().size(); ++k)
    tuned.view(v, k).copy_(to_tensor(file.at(layout.tensors()[k].name)));
  EXPECT_NEAR(v.square().sum().item<double>(), 1, 1e-12);
  const at::Tensor start = w.clone();
  const auto loss = [&](double t) {
    w.copy_(start + t * v);
    return mean_loss(objective, train, sequences, world_);
  };
  constexpr double kStep = 1e-4;
  const double curvature = (loss(kStep) - 2 * loss(0) + loss(-kStep)) / (kStep * kStep);
  double regularized = 0;
  for (std::size_t k = 0; k < layout.tensors().size(); ++k) {
    if (layout.tensors()[k].group >= 0) regularized += tuned.view(v, k).square().sum().item<double>();
  }
  EXPECT_NEAR(curvature + 2e-3 * regularized, report["h22"]["least"],
              1e-4 * std::abs(report["h22"]["largest"].get<double>()));
}

TEST_F(CurvatureJob, IsTheReportThatARunBeginsItsSearchWith) {
  const std::string same = std::string(kBlocks) + "--curvature.max-hvps 60 --precision fp64 ";
  for (const std::string around : {"", "--regularizer l2-sp ", "--search.lambda 0.5 "}) {
    const Json alone = answer(same + around);
    const JobRun ending =
        run(same + around + "--warmup.epochs 0 --search.rounds 0 --curvature.report on --limit 6", Job::run);
    ASSERT_EQ(ending.code, ExitCode::done) << ending.error;
    const RunResult result = read_result(path("result.json"));
    ASSERT_TRUE(result.curvature.has_value());
    const double balancing = around.find("sp") == std::string::npos ? 0 : 3 * 6;
    EXPECT_NEAR(result.search_units, balancing, 1e-9) << "the report is not the search's work";
    EXPECT_GT(result.seconds.at("curvature"), 0);
    const Json within = Json::parse(to_json(*result.curvature));
    for (const char* key : {"density", "noise", "rank_h21", "null_directions", "products"})
      EXPECT_EQ(within[key], alone[key]) << around << key;
    for (const char* key : {"verdict", "least", "residual", "largest", "lower_bound", "steps", "products",
                            "negative_found", "positive_found"}) {
      EXPECT_EQ(within["h22"][key], alone["h22"][key]) << around << key;
      EXPECT_EQ(within["blocks"][1][key], alone["blocks"][1][key]) << around << key;
    }
    EXPECT_EQ(within["schur"]["s"], alone["schur"]["s"]);
    EXPECT_EQ(std::filesystem::exists(path("vectors.safetensors")), alone["h22"]["verdict"] == "fails");
  }
}

TEST_F(CurvatureJob, StartsFromACheckpointAroundTheModel) {
  const std::string blocks = kBlocks;
  ASSERT_EQ(run(blocks + "--warmup.epochs 1 --warmup.lr 1e-2 --search.rounds 0 --limit 6", Job::run).code,
            ExitCode::done);
  const std::string tuned = path("model").string();
  const Json pretrained = answer(blocks), there = answer(blocks + "--start " + tuned);
  EXPECT_NE(pretrained["h22"]["least"], there["h22"]["least"]);
  EXPECT_EQ(answer(blocks + "--regularizer l2-sp")["rank_h21"], 0) << "W is where it pulls";
  EXPECT_EQ(answer(blocks + "--regularizer l2-sp --start " + tuned)["rank_h21"], 2);
}

TEST_F(CurvatureJob, EachOptionChangesWhatItSays) {
  const std::string unbounded = kBlocks, blocks = unbounded + "--curvature.max-hvps 60 ";
  const Json plain = answer(blocks);
  EXPECT_LT(answer(unbounded + "--curvature.max-hvps 50")["products"], plain["products"]);
  EXPECT_NE(answer(blocks + "--curvature.basis 5")["h22"]["steps"], plain["h22"]["steps"]);
  EXPECT_LT(answer(blocks + "--curvature.basis 5 --curvature.tol 0.3")["h22"]["products"],
            answer(blocks + "--curvature.basis 5")["h22"]["products"]);
  EXPECT_LT(answer(blocks + "--curvature.failure 1e-6")["h22"]["lower_bound"], plain["h22"]["lower_bound"]);
  EXPECT_EQ(answer(blocks + "--curvature.damping 7")["schur"]["mu"], 7);
  EXPECT_EQ(answer(blocks + "--curvature.density 0")["density"].size(), 0U);
  EXPECT_FALSE(std::filesystem::exists(path("figures"))) << "nothing to draw";
  EXPECT_EQ(answer(blocks + "--curvature.blocks off")["blocks"].size(), 0U);
  EXPECT_NE(answer(blocks + "--search.hvp-batches 3")["h22"]["least"], plain["h22"]["least"]);
  EXPECT_NE(answer(blocks + "--train-limit 7")["h22"]["least"], plain["h22"]["least"]);
  const Json central = answer(blocks + "--search.hvp central")["h22"];
  EXPECT_NE(central["least"], plain["h22"]["least"]);
  EXPECT_NEAR(central["least"], plain["h22"]["least"], central["noise"].get<double>()) << "in float32";
  EXPECT_LT(answer(blocks + "--search.hvp central --search.fd-step 1e-3")["h22"]["noise"], central["noise"]);
  const Json free = answer(blocks + "--search.lambda 0");
  EXPECT_EQ(free["null_directions"], 16) << "the key biases of block 0";
  EXPECT_EQ(free["singular"], true);
}

TEST_F(CurvatureJob, ADryRunComputesNothingAndLeavesNothing) {
  const JobRun ending = run(std::string(kBlocks) + "--dry-run --curvature.max-hvps 77");
  ASSERT_EQ(ending.code, ExitCode::done) << ending.error;
  EXPECT_FALSE(std::filesystem::exists(path("")));
  if (!world_.is_root()) return;
  EXPECT_THAT(ending.out, AllOf(HasSubstr("at most 79 Hessian-vector products of 6 training sequences"),
                                HasSubstr("memory of a rank"), HasSubstr("walltime")));
}

TEST_F(CurvatureJob, RefusesWhatItCannotMeasure) {
  const auto refused = [&](const std::string& words, ExitCode code, const std::string& text) {
    const JobRun ending = run(words);
    EXPECT_EQ(ending.code, code) << words;
    EXPECT_THAT(ending.error, HasSubstr(text));
    EXPECT_FALSE(std::filesystem::exists(path(""))) << words;
  };
  refused("--tune.blocks 5", ExitCode::usage, "block 5");
  refused("--tune.blocks 0,1 --tune.regularizers 0:9,1:9 --curvature.max-hvps 40", ExitCode::usage,
          "40 products are too few for 2 blocks and 18 groups");
  refused("--tune.blocks 0 --search.hvp central --search.fd-step 1e30", ExitCode::numerical, "finite");
  refused("--tune.blocks 0 --start " + (folder_ / "data").string(), ExitCode::input, "model.safetensors");
}

}  // namespace
}  // namespace lift
