// Every option of `lift run` that the plan holds arrives there as it was typed.
#include "jobs/run_plan.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "mpi/error.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RunPlanTest : public testing::Test {
 protected:
  void SetUp() override {
    if (world_.is_root()) write_toy_inputs(folder_.path());
    world_.barrier();
  }
  [[nodiscard]] RunPlan plan(const std::string& more, const std::string& tuned = "--tune.blocks 0,1 ") const {
    const auto words = words_of("--model " + (folder_ / "model").string() + " --data " +
                                (folder_ / "data").string() + " --out o --length 16 " + tuned + more);
    return plan_run(Options::parse(Job::run, words));
  }
  [[nodiscard]] SearchOptions search(const std::string& more) const { return plan(more).search; }

  const Communicator world_ = Communicator::world();
  const TempFolder folder_{world_};
};

TEST_F(RunPlanTest, HoldsTheDataAndHowItIsWorkedOn) {
  const auto p = plan("--batch 3 --micro-batch 2 --recompute on --limit 5 --train-limit 7 --cache here");
  EXPECT_EQ(p.corpus.splits.length, 16);
  EXPECT_EQ(p.corpus.splits.folder, folder_ / "data");
  EXPECT_EQ(p.corpus.splits.cache, "here");
  EXPECT_EQ(p.corpus.splits.limit, 5);
  EXPECT_EQ(p.corpus.splits.train_limit, 7);
  EXPECT_EQ(p.warmup.batch, 3);
  EXPECT_EQ(p.search.batch, 3);
  EXPECT_EQ(p.search.recovery.corrector.batch, 3);
  EXPECT_EQ(p.micro_batch, 2);
  EXPECT_EQ(p.activations, Activations::recompute);
  const auto plain = plan("--cache none");
  EXPECT_TRUE(plain.corpus.splits.cache.empty());
  EXPECT_EQ(plain.corpus.splits.limit, std::nullopt);
  EXPECT_EQ(plain.activations, Activations::keep);
}

TEST_F(RunPlanTest, HoldsTheWarmUp) {
  const auto p = plan(
      "--warmup.epochs 3 --warmup.lr 2e-3 --warmup.schedule cosine --warmup.lambda 0.25 --warmup.clip 0.5 "
      "--warmup.keep 1,3 --regularizer l2-sp --seed 9");
  EXPECT_EQ(p.warmup.epochs, 3);
  EXPECT_EQ(p.warmup.rate, 2e-3);
  EXPECT_EQ(p.warmup.schedule, Schedule::cosine);
  EXPECT_EQ(p.lambda, 0.25);
  EXPECT_EQ(p.warmup.clip, 0.5);
  EXPECT_THAT(p.kept_epochs, ElementsAre(1, 3));
  EXPECT_TRUE(p.around_pretrained);
  EXPECT_TRUE(p.needs_pretrained());
  EXPECT_EQ(p.warmup.seed, 9U);
  EXPECT_EQ(p.search.seed, 9U);
  EXPECT_EQ(p.search.corrector.seed, 9U);
  EXPECT_FALSE(plan("").needs_pretrained());
  EXPECT_EQ(plan("--warmup.schedule linear").warmup.schedule, Schedule::linear);
}

TEST_F(RunPlanTest, HoldsTheDirection) {
  EXPECT_EQ(search("").direction, DirectionKind::lp);
  EXPECT_EQ(search("--direction exact").direction, DirectionKind::exact);
  EXPECT_EQ(search("--direction bilevel").direction, DirectionKind::bilevel);
  EXPECT_EQ(search("--direction gradient").direction, DirectionKind::gradient);
  EXPECT_EQ(search("--direction sign").direction, DirectionKind::sign);
  EXPECT_EQ(search("--direction wise").direction, DirectionKind::wise);
  EXPECT_TRUE(plan("--direction wise").needs_pretrained());
}

TEST_F(RunPlanTest, HoldsTheProbes) {
  const auto random = search(
      "--search.probes 5 --search.probe-space joint --search.hvp central "
      "--search.fd-step 0.5 --search.hvp-batches 3 --search.batches 2");
  EXPECT_EQ(random.probe_kind, ProbeKind::random);
  EXPECT_EQ(random.probes, 5);
  EXPECT_EQ(random.rows(), 5);
  EXPECT_EQ(random.probe_space, ProbeSpace::joint);
  EXPECT_EQ(random.products.kind, ProductKind::central);
  EXPECT_EQ(random.products.step, 0.5);
  EXPECT_EQ(random.hvp_batches, 3);
  EXPECT_EQ(random.batches, 2);
  EXPECT_EQ(search("--search.batches all").batches, 0);
  EXPECT_EQ(search("--search.probe-kind krylov").probe_kind, ProbeKind::krylov);
  EXPECT_EQ(search("--search.hvp forward").products.kind, ProductKind::forward);
  EXPECT_EQ(search("--search.curvature ggn").products.kind, ProductKind::gauss_newton);
  EXPECT_EQ(search("--search.curvature identity").products.kind, ProductKind::identity);
  const auto adjoint =
      search("--search.probe-kind adjoint --search.damping 0.5 --search.solve-tol 1e-2 --search.max-hvps 17");
  EXPECT_EQ(adjoint.probe_kind, ProbeKind::adjoint);
  EXPECT_EQ(adjoint.rows(), 1);
  EXPECT_EQ(adjoint.damping, 0.5);
  EXPECT_EQ(adjoint.solve_tol, 1e-2);
  EXPECT_EQ(adjoint.max_products, 17);
}

TEST_F(RunPlanTest, HoldsTheLinearProgram) {
  const auto p = search(
      "--lp.radius 0.5 --lp.radius-unit norm --lp.lambda linear --lp.lambda-scale 3 "
      "--lp.method mehrotra --lp.relax 0.25 --lp.crossover on --lp.time-limit 7");
  EXPECT_EQ(p.trust_region, TrustRegion::box);
  EXPECT_EQ(p.radius.rho, 0.5);
  EXPECT_EQ(p.radius.unit, RadiusUnit::norm);
  EXPECT_EQ(p.radius.space, LambdaSpace::linear);
  EXPECT_EQ(p.radius.lambda_scale, 3);
  EXPECT_EQ(p.lp.max_seconds, 7);
  EXPECT_EQ(p.lp.method, LpMethod::mehrotra);
  EXPECT_EQ(p.relax, 0.25);
  EXPECT_TRUE(p.lp.crossover);
  EXPECT_FALSE(search("").lp.crossover);
  EXPECT_EQ(search("").lp.method, LpMethod::preprocessing);
  EXPECT_EQ(search("").radius.lambda_scale, std::nullopt);
  EXPECT_EQ(search("--lp.radius-unit absolute").radius.unit, RadiusUnit::absolute);
  EXPECT_EQ(search("--lp.trust-region l2").trust_region, TrustRegion::ball);
  EXPECT_EQ(search("--lp.trust-region two-balls").trust_region, TrustRegion::two_balls);
  EXPECT_EQ(search("--lp.trust-region box-l2").trust_region, TrustRegion::box_ball);
  EXPECT_EQ(search("--lp.trust-region none").trust_region, TrustRegion::none);
}

TEST_F(RunPlanTest, HoldsTheRoundsAndTheirSteps) {
  const auto p = plan(
      "--search.rounds 4 --search.min-gain 0.1 --search.steps 9 --search.max-step 2.5 "
      "--search.holdout 0.25 --search.sequences 40 --search.watch 3 --search.lambda 0.125 --search.keep f");
  EXPECT_EQ(p.search.rounds, 4);
  EXPECT_EQ(p.search.min_gain, 0.1);
  EXPECT_EQ(p.search.line.steps, 9);
  EXPECT_EQ(p.search.line.max_step, 2.5);
  EXPECT_EQ(p.search.line_kind, LineKind::grid);
  EXPECT_EQ(p.holdout, 0.25);
  EXPECT_EQ(p.corpus.search_sequences, 40);
  EXPECT_FALSE(p.selects_on_valid());
  EXPECT_FALSE(plan("--search.sequences 40").selects_on_valid());
  EXPECT_TRUE(plan("").selects_on_valid());
  EXPECT_EQ(p.watched_steps, 3);
  EXPECT_EQ(p.search_lambda, 0.125);
  EXPECT_EQ(p.keep, "f");
  EXPECT_EQ(search("--search.line model").line_kind, LineKind::model);
}

TEST_F(RunPlanTest, HoldsRecoveryAndCorrectors) {
  const auto p = search(
      "--recover.interpolate on --recover.overshoot 2 --recover.corrector-epochs 3 --search.rounds 2 "
      "--search.corrector-steps 6 --search.corrector-lr 1e-5 --tune.learning-rate on");
  EXPECT_TRUE(p.recovery.interpolate);
  EXPECT_EQ(p.recovery.overshoot, 2);
  EXPECT_EQ(p.recovery.corrector.epochs, 3);
  EXPECT_EQ(p.corrector.steps, 6);
  EXPECT_EQ(p.corrector.epochs, 0);
  EXPECT_EQ(p.corrector.rate, 1e-5);
  EXPECT_EQ(p.recovery.corrector.rate, 1e-5);
  EXPECT_TRUE(p.tune_rate);
  const auto epoch = search("--warmup.lr 4e-3 --search.rounds 2 --search.corrector-steps epoch");
  EXPECT_EQ(epoch.corrector.epochs, 1);
  EXPECT_EQ(epoch.corrector.rate, 2e-3) << "half of the warm-up's";
}

TEST_F(RunPlanTest, HoldsWhatIsTuned) {
  EXPECT_EQ(plan("", "--tune.first-blocks 2 ").layout.n(), plan("").layout.n());
  EXPECT_LT(plan("--tune.mlp-only 0").layout.n(), plan("").layout.n());
  EXPECT_EQ(plan("--tune.regularizers 0:2,1:0").layout.p(), 2);
  EXPECT_EQ(plan("--tune.embeddings 1").layout.p(), plan("").layout.p() + 1);
}

TEST_F(RunPlanTest, NotesWhatHasNoEffectWithoutAGroup) {
  const std::string no_group = "--tune.regularizers 0:0,1:0 ";
  const auto notes = [&](const std::string& more) { return plan(more).notes; };
  const std::string because = "without effect where no group is regularised: ";
  EXPECT_THAT(notes(no_group), IsEmpty());
  EXPECT_THAT(notes(no_group + "--lp.lambda-scale 2"), ElementsAre(because + "--lp.lambda-scale"));
  EXPECT_THAT(notes(no_group + "--search.lambda 1 --lp.lambda linear --warmup.lambda 1 --regularizer l2-sp"),
              ElementsAre(because + "--regularizer, --warmup.lambda, --search.lambda, --lp.lambda"));
  EXPECT_THAT(notes("--tune.regularizers 0:0,1:1 --lp.lambda-scale 2 --warmup.lambda 1"), IsEmpty());
}

TEST_F(RunPlanTest, HoldsTheTypes) {
  EXPECT_EQ(plan("--precision fp64").precision, at::kDouble);
  EXPECT_EQ(plan("--precision bf16").warmup.precision, TrainingPrecision::bf16);
  EXPECT_EQ(plan("--precision bf16").precision, at::kFloat);
  EXPECT_EQ(plan("--precision tf32").search.corrector.precision, TrainingPrecision::tf32);
  EXPECT_EQ(plan("--save.dtype f16").save_type, at::kHalf);
  EXPECT_EQ(plan("").save_type, at::kFloat);
}

TEST_F(RunPlanTest, RefusesAStartOfAnotherModel) {
  try {
    (void)plan("--start " + (folder_ / "none").string());
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
  }
  EXPECT_EQ(plan("--start " + (folder_ / "model").string()).start, folder_ / "model");
}

}  // namespace
}  // namespace lift
