// --tune.lora and its options, through whole runs.
#include <ATen/ops/mm.h>
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "jobs/curvature_job.hpp"
#include "jobs/evaluate_job.hpp"
#include "src/files/atomic_file.hpp"
#include "src/model/adapter.hpp"
#include "src/model/checkpoint.hpp"
#include "tests/jobs/run_options.hpp"

namespace lift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LoraOptions : public RunOptions {
 protected:
  /// Block 0 MLP only, as RunOptions has it, and block 1 whole.
  RunResult lora(const std::string& more) { return result("--tune.lora 3 --warmup.epochs 2 " + more); }
  Gpt2 model(const std::filesystem::path& folder) {
    return load_checkpoint(folder, at::kFloat, at::kCPU, Communicator::self());
  }
  /// The validation loss of a model folder, as `lift evaluate` finds it.
  double evaluated(const std::filesystem::path& folder) {
    const std::string json = path("loss.json").string();
    const JobRun ending = run_in_process(
        Job::evaluate, evaluate_job,
        words_of(fmt::format("--model {} --data {}/data --cache none --length 16 --limit 8 --json {}",
                             folder.string(), folder_.path().string(), json)),
        world_);
    EXPECT_EQ(ending.code, ExitCode::done) << ending.error;
    const double loss = nlohmann::json::parse(read_file(json)).at("loss").get<double>();
    world_.barrier();
    return loss;
  }
  /// What an adapter adds to a weight: scale (B A)ᵀ.
  at::Tensor added(const std::string& weight, double scale) {
    const auto file = path(out()) / "adapter/adapter_model.safetensors";
    const std::string layer =
        "base_model.model.transformer." + weight.substr(0, weight.size() - std::string(".weight").size());
    return at::mm(stored(file, layer + ".lora_B.weight"), stored(file, layer + ".lora_A.weight")).t() * scale;
  }
};

TEST_F(LoraOptions, ThePairsAreTunedAndAllElseIsFrozen) {
  const auto found = lora("--tune.lora-alpha 6");
  // Six pairs of rank 3: width 16, inner 64.
  EXPECT_EQ(found.n, 3 * (4 * (16 + 64) + (16 + 48) + (16 + 16)));
  EXPECT_EQ(found.p, 2);
  EXPECT_TRUE(found.self_check->passed);
  EXPECT_EQ(inspect_adapter(path(out()) / "adapter").pairs, 6);
  EXPECT_LT(found.after.valid->loss, found.epochs[0].valid) << "it learns";
  const Gpt2 before = model(path("model")), after = model(path(out()) / "model");
  for (const TensorSpec& spec : tensor_specs(before.config())) {
    const bool in_block = spec.name.starts_with("h.0.mlp.") || spec.name.starts_with("h.1.");
    const bool moved = in_block && spec.shape.size() == 2;
    const auto change = after.tensor(spec.name).to(at::kDouble) - before.tensor(spec.name).to(at::kDouble);
    EXPECT_EQ(change.abs().max().item<double>() > 0, moved) << spec.name;
    if (!moved) continue;
    const auto expected = added(spec.name, 2.0);
    EXPECT_GT(expected.abs().max().item<double>(), 1e-4) << spec.name;
    EXPECT_LT((change - expected).abs().max().item<double>(), 1e-7) << spec.name << ": the adapter merged";
  }
}

TEST_F(LoraOptions, ARunWithoutHasNoAdapter) {
  result("");
  EXPECT_FALSE(std::filesystem::exists(path(out()) / "adapter"));
}

TEST_F(LoraOptions, LossesAreThoseOfTheFilesWritten) {
  const auto found = lora("--warmup.keep 1");
  const auto folder = path(out());
  EXPECT_DOUBLE_EQ(evaluated(folder / "model"), found.after.valid->loss) << "merged, to the bit";
  EXPECT_NEAR(evaluated(folder / "checkpoints/best"), found.early_stopping->valid->loss, 1e-6);
  EXPECT_NEAR(evaluated(folder / "checkpoints/epoch-1"), found.epochs[1].valid, 1e-6);
  EXPECT_GT(std::abs(found.epochs[1].valid - found.after.valid->loss), 1e-5);
}

TEST_F(LoraOptions, HalfTypesRoundTheMergedModelAlone) {
  const auto found = lora("--save.dtype bf16");
  EXPECT_NEAR(evaluated(path(out()) / "model"), found.after.valid->loss, 1e-9);
  EXPECT_EQ(SafetensorsFile(path(out()) / "adapter/adapter_model.safetensors").entries().begin()->second.type,
            StoredType::f32);
}

/// One step from B = 0 leaves A where it is: neither a cache nor a memo may take the saved model for the
/// first.
TEST_F(LoraOptions, TheSavedModelIsNotTakenForTheOneWithThePairs) {
  const auto found = result(
      "--tune.lora 3 --tune.regularizers 0:0,1:0 --warmup.epochs 1 --batch 12 --search.rounds 0 "
      "--checkpoint.memo always",
      "--tune.blocks 0,1 ");
  EXPECT_DOUBLE_EQ(evaluated(path(out()) / "model"), found.after.valid->loss);
  EXPECT_LT(found.after.valid->loss, found.epochs[0].valid - 1e-3);
}

TEST_F(LoraOptions, ThePretrainedPairsAreWhatSearchesReferTo) {
  const auto found = result("--tune.lora 3 --warmup.epochs 2 --direction wise", "--tune.blocks 0,1 ");
  const auto& losses = found.rounds[0].line_search;
  const auto one =
      std::ranges::min_element(losses, {}, [](const auto& l) { return std::abs(l.first - 1.0); });
  EXPECT_NEAR(one->second, found.epochs[0].valid, 1e-6) << "t = 1 is the model itself";
  const auto l2 = lora("--warmup.lambda 0.1"), sp = lora("--warmup.lambda 0.1 --regularizer l2-sp");
  EXPECT_NE(l2.before.valid->loss, sp.before.valid->loss);
  EXPECT_TRUE(sp.self_check->passed);
}

TEST_F(LoraOptions, AlphaAndTargetsChangeWhatIsTuned) {
  const auto one = lora(""), three = lora("--tune.lora-alpha 3"), other = lora("--tune.lora-alpha 30");
  EXPECT_EQ(one.before.valid->loss, three.before.valid->loss) << "alpha is the rank without it";
  EXPECT_NE(one.before.valid->loss, other.before.valid->loss);
  EXPECT_EQ(one.epochs[0].valid, other.epochs[0].valid) << "B = 0 at the start";
  EXPECT_EQ(lora("--tune.lora-targets mlp").n, one.n - 3 * ((16 + 48) + (16 + 16)));
  EXPECT_NE(lora("--seed 1").before.valid->loss, one.before.valid->loss);
}

TEST_F(LoraOptions, ProductsOfEveryKindAreMade) {
  for (const char* more : {"--search.curvature ggn", "--search.hvp central", "--recompute on",
                           "--search.probe-kind krylov", "--lp.trust-region l2"}) {
    SCOPED_TRACE(more);
    const auto found = lora(more);
    EXPECT_TRUE(found.self_check->passed);
    EXPECT_LE(found.after.valid->loss, found.before.valid->loss + 1e-6);
  }
}

TEST_F(LoraOptions, ACurvatureReportIsOfThePairs) {
  const std::string words = fmt::format(
      "--model {0}/model --data {0}/data --cache none --length 16 --tune.blocks 1 --tune.lora 2 "
      "--train-limit "
      "8 --search.hvp-batches 1 --curvature.max-hvps 40 --out {0}/curvature",
      folder_.path().string());
  const JobRun ending = run_in_process(Job::curvature, curvature_job, words_of(words), world_);
  EXPECT_EQ(ending.code, ExitCode::done) << ending.error;
  const auto report = nlohmann::json::parse(read_file(path("curvature/curvature.json")));
  EXPECT_EQ(report.at("h22").at("n"), 2 * (2 * (16 + 64) + (16 + 48) + (16 + 16)));
  EXPECT_EQ(report.at("h22").at("of"), "H22") << "no key bias is among them";
}

TEST_F(LoraOptions, ADryRunCountsThem) {
  const JobRun ending = run("--tune.blocks 0,1 --tune.lora 3 --search.probes 3 --dry-run");
  EXPECT_EQ(ending.code, ExitCode::done) << ending.error;
  if (world_.is_root()) {
    EXPECT_THAT(ending.out, AllOf(HasSubstr("n = 1248 in 6 low-rank pairs (rank 3, alpha 3)"),
                                  HasSubstr("3 rows, 1250 columns"), HasSubstr("its adapter")));
  }
}

TEST_F(LoraOptions, ContradictionsAreRefused) {
  expect_refusal("--tune.lora 3 --tune.embeddings 1", "--tune.embeddings");
  expect_refusal("--tune.lora 3 --start m", "--start");
  expect_refusal("--tune.lora 3 --tune.lora-targets attention", "--tune.lora-targets attention");
  expect_refusal("--tune.lora-alpha 3", "--tune.lora-alpha has no meaning without --tune.lora");
  expect_refusal("--tune.lora-targets mlp", "--tune.lora-targets has no meaning without --tune.lora");
  const JobRun ending = run("--tune.blocks 0,1 --tune.lora 17");
  EXPECT_EQ(ending.code, ExitCode::usage);
  EXPECT_THAT(ending.error, HasSubstr("--tune.lora 17: expected a rank of 1 to 16"));
}

}  // namespace
}  // namespace lift
