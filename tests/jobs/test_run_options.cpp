#include <ATen/ops/eye.h>
#include <gmock/gmock.h>

#include <cmath>

#include "tests/jobs/run_options.hpp"

namespace lift {
namespace {

double largest(const at::Tensor& values) {
  return values.abs().max().item<double>();
}

double cosine(const at::Tensor& a, const at::Tensor& b) {
  return (a.dot(b) / (a.norm() * b.norm())).item<double>();
}

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(RunOptions, WarmupKeepLeavesCheckpointsOfItsEpochs) {
  result("--warmup.epochs 2 --warmup.keep 1");
  EXPECT_TRUE(std::filesystem::exists(path(out()) / "checkpoints/epoch-1/model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(path(out()) / "checkpoints/epoch-2"));
  expect_refusal("--warmup.epochs 2 --warmup.keep 3", "epoch 3 is beyond");
}

TEST_F(RunOptions, StartTakesTheTunedTensorsAndLeavesThePretrainedOnesWhereTheyAre) {
  const auto first = result("--warmup.epochs 2");
  const std::string start = (path(out()) / "model").string();
  const auto second = result("--warmup.epochs 0 --direction wise --start " + start, "--tune.blocks 0,1 ");
  EXPECT_NEAR(second.before.valid->loss, first.after.valid->loss, 1e-6);
  // t = 1 of wise is the model itself.
  const auto& losses = second.rounds[0].line_search;
  const auto one =
      std::ranges::min_element(losses, {}, [](const auto& l) { return std::abs(l.first - 1.0); });
  EXPECT_NEAR(one->second, first.epochs[0].valid, 1e-5);
}

TEST_F(RunOptions, StartRefusesAnotherModel) {
  result("--warmup.epochs 1", "--tune.blocks 0,1 ");
  const std::string start = (path(out()) / "model").string();
  const JobRun ending = run("--tune.blocks 0 --start " + start);
  EXPECT_EQ(ending.code, ExitCode::usage);
  EXPECT_THAT(ending.error, HasSubstr("differs from --model's"));
}

TEST_F(RunOptions, EmbeddingsAreTunedAndRegularised) {
  const auto without = result(""), with = result("--tune.embeddings 2");
  const auto config = toy_config();
  EXPECT_EQ(with.n - without.n, std::int64_t{config.width} * (config.vocabulary + config.positions));
  EXPECT_EQ(with.p, without.p + 2);
  EXPECT_EQ(result("--tune.embeddings 0").p, without.p);
  EXPECT_TRUE(with.self_check->passed);
}

TEST_F(RunOptions, FirstBlocksAreThoseBlocks) {
  EXPECT_EQ(result("", "--tune.first-blocks 2 ").n, result("").n);
}

TEST_F(RunOptions, TheRegulariserMayBeAroundThePretrainedWeights) {
  const auto l2 = result("--warmup.lambda 0.1"), sp = result("--warmup.lambda 0.1 --regularizer l2-sp");
  EXPECT_NE(l2.before.valid->loss, sp.before.valid->loss);
  EXPECT_EQ(l2.rounds[0].lambda_before, std::vector<double>(2, 0.1));
  for (const double lambda : sp.rounds[0].lambda_before) {
    EXPECT_NE(lambda, 0.1) << "balanced at the start of the search";
    EXPECT_GT(lambda, 0.0);
  }
}

TEST_F(RunOptions, SearchLambdaIsWhatTheSearchStartsFrom) {
  EXPECT_EQ(result("--search.lambda 0.25").rounds[0].lambda_before, std::vector<double>(2, 0.25));
  EXPECT_EQ(result("--search.lambda 0.25 --regularizer l2-sp").rounds[0].lambda_before,
            std::vector<double>(2, 0.25));
}

TEST_F(RunOptions, AHoldoutChoosesTheStepOnOtherSequences) {
  const auto all = result(""), held = result("--search.holdout 0.5");
  EXPECT_NEAR(all.rounds[0].line_search[0].second, all.before.valid->loss, 1e-6);
  EXPECT_GT(std::abs(held.rounds[0].line_search[0].second - held.before.valid->loss), 1e-4);
  EXPECT_NE(all.rounds[0].lp->objective, held.rounds[0].lp->objective);
}

TEST_F(RunOptions, TheSearchHasSequencesOfItsOwn) {
  const auto first = result(""), spread = result("--search.sequences 7");
  EXPECT_EQ(first.search_sequences, 0);
  EXPECT_EQ(spread.search_sequences, 7);
  EXPECT_EQ(spread.selection_sequences, 0) << "all shape d and choose t";
  EXPECT_EQ(spread.before.valid->sequences, 8) << "what is evaluated is left as it is";
  EXPECT_EQ(spread.before.valid->loss, first.before.valid->loss);
  EXPECT_GT(std::abs(spread.rounds[0].line_search[0].second - first.before.valid->loss), 1e-4);
  EXPECT_NE(first.rounds[0].lp->objective, spread.rounds[0].lp->objective);
  EXPECT_EQ(result("--search.sequences 7 --search.holdout 0.4").selection_sequences, 3);
}

TEST_F(RunOptions, RoundsEndAtTheLeastGain) {
  EXPECT_THAT(result("--search.rounds 2").rounds, SizeIs(2));
  EXPECT_THAT(result("--search.rounds 3 --search.min-gain 5").rounds, SizeIs(1));
  EXPECT_THAT(result("--search.rounds 0").rounds, IsEmpty());
}

TEST_F(RunOptions, CorrectorsStandBetweenRounds) {
  const auto few = result("--search.rounds 2 --search.corrector-steps 2");
  EXPECT_THAT(stages(few), ElementsAre("round 1", "corrector before round 2", "round 2"));
  const auto epoch = result("--search.rounds 2 --search.corrector-steps epoch");
  EXPECT_NE(few.stages[1].selection, epoch.stages[1].selection);
  const auto slow = result("--search.rounds 2 --search.corrector-steps 2 --search.corrector-lr 1e-5");
  EXPECT_NE(few.stages[1].selection, slow.stages[1].selection);
}

TEST_F(RunOptions, DirectionsOtherThanTheProgramHaveNone) {
  for (const char* direction : {"gradient", "sign", "wise", "exact"}) {
    SCOPED_TRACE(direction);
    const std::string damping = direction == std::string("exact") ? " --search.damping 10" : "";
    const auto found =
        result("--warmup.epochs 2 --direction " + std::string(direction) + damping, "--tune.blocks 0,1 ");
    EXPECT_FALSE(found.rounds[0].lp.has_value());
    EXPECT_EQ(found.rounds[0].implicit.has_value(), direction == std::string("exact"));
    EXPECT_EQ(found.m, 0);
    EXPECT_LE(found.after.valid->loss, found.before.valid->loss);
  }
  EXPECT_TRUE(result("--direction lp").rounds[0].lp.has_value());
}

TEST_F(RunOptions, ProbesAreOfTheirKindAndSpace) {
  const KeptRun random = kept(""), krylov = kept("--search.probe-kind krylov");
  const at::Tensor one = at::eye(3, at::kDouble);
  const auto from_orthonormal = [&](const KeptRun& run) { return run.probes.mm(run.probes.t()) - one; };
  EXPECT_LT(largest(from_orthonormal(random).diagonal()), 1e-5) << "of unit length";
  EXPECT_GT(largest(from_orthonormal(random)), 1e-3) << "each drawn by itself";
  EXPECT_LT(largest(from_orthonormal(krylov)), 1e-5);
  const at::Tensor g = krylov.g.slice(0, krylov.p());
  EXPECT_NEAR(std::abs(cosine(krylov.probes[0], g)), 1.0, 1e-5) << "Lanczos vectors, from g on";
  const std::string one_group = "--lp.lambda linear --tune.regularizers 0:0 ";
  const KeptRun weights = kept(one_group), joint = kept(one_group + "--search.probe-space joint");
  EXPECT_TRUE(joint.probes.equal(weights.probes));
  const at::Tensor more = joint.a - weights.a;
  EXPECT_GT(largest(more[0]), 1e-5);
  EXPECT_NEAR(std::abs(cosine(more[0], more[1])), 1.0, 1e-3) << "v_lambda dF/dlambda dW, along W";
  const auto adjoint = result("--search.probe-kind adjoint --search.damping 10", "--tune.blocks 0,1 ");
  EXPECT_EQ(adjoint.m, 1);
  EXPECT_FALSE(adjoint.rounds[0].probe_curvature.has_value());
  for (const KeptRun* with : {&random, &krylov}) {
    const auto& found = with->result.rounds[0].probe_curvature;
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->vectors, with->result.m);
    EXPECT_LE(found->ritz_min, found->ritz_max);
  }
  ASSERT_TRUE(adjoint.rounds[0].implicit.has_value());
  EXPECT_THAT(adjoint.rounds[0].implicit->gamma, SizeIs(2));
  expect_refusal("--search.probe-space joint --search.probe-kind krylov", "random probes");
  expect_refusal("--search.probe-kind adjoint --search.probes 4", "one row");
}

TEST_F(RunOptions, DifferencesTakeGradientsInPlaceOfProducts) {
  const KeptRun with[] = {kept(""), kept("--search.hvp forward"), kept("--search.hvp central")};
  const RankWork exact = total(with[0].result), forward = total(with[1].result),
                 central = total(with[2].result);
  EXPECT_EQ(exact.hvp_sequences - forward.hvp_sequences, 3 * 4);  // three probes of four sequences
  EXPECT_EQ(central.gradients - exact.gradients, 2 * 3 * 4);
  EXPECT_EQ(forward.gradients - exact.gradients, 3 * 4) << "the gradient at W is the round's own";
  for (const KeptRun& run : {with[1], with[2]}) {
    EXPECT_FALSE(run.a.equal(with[0].a));
    EXPECT_LT(((run.a - with[0].a).norm() / with[0].a.norm()).item<double>(), 1e-2);
  }
  EXPECT_NE(objective("--search.hvp forward --search.fd-step 0.5"),
            objective("--search.hvp forward --search.fd-step 0.05"));
  expect_refusal("--search.fd-step 0.1", "--search.hvp exact");
}

TEST_F(RunOptions, CurvatureMayBeGaussNewtonOrTheIdentity) {
  const std::string loss_alone = "--tune.regularizers 0:0,1:0 ";
  const KeptRun hessian = kept(loss_alone), ggn = kept(loss_alone + "--search.curvature ggn"),
                identity = kept(loss_alone + "--search.curvature identity");
  EXPECT_GT((hessian.a - ggn.a).norm().item<double>(), 1e-2 * hessian.a.norm().item<double>());
  EXPECT_GT((ggn.a * ggn.probes).sum(1).min().item<double>(), 0.0) << "positive semidefinite";
  EXPECT_TRUE(identity.a.equal(identity.probes));
  expect_refusal("--search.curvature ggn --search.hvp central", "ggn");
  expect_refusal("--search.curvature identity --search.probe-kind krylov", "a control");
  expect_refusal("--search.curvature ggn --tune.embeddings 1", "frozen head");
}

TEST_F(RunOptions, CurvatureOfImplicitSolvesMayBeAbsolute) {
  const auto solve = [&](const std::string& more) {
    return result("--direction exact --search.damping 0.5 " + more, "--tune.blocks 0,1 ")
        .rounds.at(0)
        .implicit.value();
  };
  const auto hessian = solve(""), absolute = solve("--search.curvature absolute");
  EXPECT_GT(hessian.raises, 0) << "0.5 is too little for the Hessian";
  EXPECT_EQ(absolute.raises, 0);
  EXPECT_EQ(absolute.mu, 0.5);
  EXPECT_LT(absolute.g_dw, 0);
  const auto few = solve("--search.curvature absolute --search.max-hvps 11 --search.solve-tol 1e-12");
  EXPECT_LE(few.products, 11);
  EXPECT_LT(few.certificate, 1e-5) << "one inverse for both";
  expect_refusal("--search.curvature absolute", "implicit solves");
  expect_refusal("--direction bilevel --search.curvature absolute", "implicit solves");
}

TEST_F(RunOptions, TheBasisOfImplicitSolvesChangesTheirWayAlone) {
  const auto solve = [&](const std::string& more) {
    return result("--direction exact --search.damping 20 --search.solve-tol 1e-5 " + more,
                  "--tune.blocks 0,1 ")
        .rounds.at(0)
        .implicit.value();
  };
  const auto large = solve("--search.basis 60"), small = solve("--search.basis 2");
  EXPECT_NE(large.predicted, small.predicted);
  EXPECT_NEAR(large.predicted, small.predicted, 1e-3 * std::abs(large.predicted));
  expect_refusal("--search.basis 10", "without an implicit solve");
}

TEST_F(RunOptions, ImplicitSolvesKeepTheirDampingToleranceAndLimit) {
  const std::string exact = "--direction exact ";
  const auto solve = [&](const std::string& more) {
    return result(exact + more, "--tune.blocks 0,1 ").rounds.at(0).implicit.value();
  };
  EXPECT_EQ(solve("--search.damping 20").mu, 20.0);
  EXPECT_LT(solve("--search.damping 20 --search.solve-tol 0.3").products,
            solve("--search.damping 20 --search.solve-tol 1e-5").products);
  EXPECT_LE(solve("--search.max-hvps 12").products, 12 + 2);
  EXPECT_GT(solve("--search.solve-tol 1e-6").products, 12 + 2);
  expect_refusal("--search.damping 1", "without an implicit solve");
}

}  // namespace
}  // namespace lift
