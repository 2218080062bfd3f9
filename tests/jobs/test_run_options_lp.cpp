// Options of the linear program, seen in the programs that runs keep and in what they did with the answers.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "src/model/tuning.hpp"
#include "tests/jobs/run_options.hpp"

namespace lift {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

/// Those of the coordinates that have a bound.
at::Tensor part_of_bounds(const KeptRun& run) {
  const at::Tensor bounded = run.u > 0;
  return run.d.masked_select(bounded) / run.u.masked_select(bounded);
}

/// d is −r_W with r = g − Aᵀy, of the instance that the program was, and moves no λ.
void expect_ray(const std::filesystem::path& failed, const std::filesystem::path& instance) {
  const at::Tensor d = stored(failed, "d"), g = stored(instance, "g");
  const at::Tensor r = g - stored(instance, "A").t().mv(stored(failed, "y"));
  ASSERT_EQ(r.numel(), d.numel());
  const std::int64_t p = d.numel() - stored(instance, "probes").size(1);
  const at::Tensor of_d = d.slice(0, p), of_r = r.slice(0, p);
  EXPECT_NEAR((of_d.dot(of_r) / (of_d.norm() * of_r.norm())).item<double>(), -1.0, 1e-9);
  EXPECT_THAT(values_of(d.slice(0, 0, p)), Each(0.0));
  const double residual = (of_r.norm() / g.slice(0, p).norm()).item<double>();
  EXPECT_GT(residual, 1e-3);
  EXPECT_THAT(values_of(stored(failed, "dual_residual")), ElementsAre(testing::DoubleNear(residual, 1e-9)));
}

TEST_F(RunOptions, WithoutATrustRegionAnUnboundedProgramLeavesItsRay) {
  const JobRun unbounded =
      run(fmt::format("--tune.blocks 0,1 --lp.trust-region none --search.keep {}", path("kept").string()));
  EXPECT_EQ(unbounded.code, ExitCode::numerical);
  EXPECT_THAT(unbounded.error, HasSubstr("unbounded"));
  expect_ray(path(out()) / "unbounded-program.safetensors", path("kept"));
}

TEST_F(RunOptions, TheTrustRegionHoldsTheDirection) {
  const at::Tensor box = part_of_bounds(kept("")), ball = part_of_bounds(kept("--lp.trust-region l2"));
  EXPECT_LE(box.abs().max().item<double>(), 1 + 1e-9);
  EXPECT_GT(box.norm().item<double>(), 2) << "and is in no ball of these radii";
  EXPECT_NEAR(ball.norm().item<double>(), 1.0, 1e-9);
}

TEST_F(RunOptions, TheTrustRegionCanBeASetForLambdaAndOneForTheWeights) {
  const KeptRun balls = kept("--lp.trust-region two-balls"), mixed = kept("--lp.trust-region box-l2");
  for (const KeptRun* run : {&balls, &mixed}) {
    ASSERT_EQ(run->p(), 2);
    const at::Tensor u = run->u.slice(0, 2), bounded = u > 0;
    const at::Tensor weights = run->d.slice(0, 2).masked_select(bounded) / u.masked_select(bounded);
    EXPECT_NEAR(weights.norm().item<double>(), 1.0, 1e-7) << "the ball of the weights binds";
    EXPECT_EQ(run->round().lp->status, "optimal");
  }
  const auto lambda = [](const KeptRun& run) { return run.d.slice(0, 0, 2) / run.u.slice(0, 0, 2); };
  EXPECT_NEAR(lambda(balls).norm().item<double>(), 1.0, 1e-7) << "and so does that of lambda,";
  EXPECT_NEAR(lambda(mixed).abs().max().item<double>(), 1.0, 1e-7) << "or its box";
  EXPECT_GT(lambda(mixed).norm().item<double>(), 1 + 1e-3);
  EXPECT_TRUE(balls.u.equal(mixed.u));
  EXPECT_LE(mixed.round().lp->objective, balls.round().lp->objective) << "the box holds the ball";
}

TEST_F(RunOptions, TheRadiusIsOfItsUnit) {
  const std::string still = "--tune.regularizers 0:0,1:0 --warmup.epochs 0 --search.steps 2 ";
  const auto of_radius = [&](const std::string& unit, double radius) {
    const KeptRun small = kept(fmt::format("{}--lp.radius-unit {} --lp.radius {}", still, unit, radius));
    const KeptRun large = kept(fmt::format("{}--lp.radius-unit {} --lp.radius {}", still, unit, 2 * radius));
    EXPECT_TRUE(large.u.equal(2 * small.u)) << unit;
    const double objective = small.round().lp->objective;
    EXPECT_LT(objective, 0.0);
    EXPECT_NEAR(large.round().lp->objective, 2 * objective, -1e-7 * objective) << unit;
    return small.u;
  };
  const at::Tensor absolute = of_radius("absolute", 0.125);
  EXPECT_TRUE(absolute.masked_select(absolute > 0).eq(0.125).all().item<bool>());
  EXPECT_NEAR(of_radius("norm", 0.125).norm().item<double>(), 0.125, 1e-9) << "of a vertex's dW";
  const at::Tensor rms = of_radius("rms", 0.125);
  const TunedLayout layout(toy_config(), {.blocks = {0, 1}, .mlp_only = {0}, .regularizers = {}});
  for (const char* name : {"h.0.mlp.c_fc.weight", "h.1.ln_2.weight"}) {
    const auto& tensor = *std::ranges::find(layout.tensors(), name, &TunedTensor::name);
    const at::Tensor w = stored(path("model/model.safetensors"), "transformer." + tensor.name);
    const double expected = 0.125 * w.square().mean().sqrt().item<double>();
    EXPECT_THAT(values_of(rms.slice(0, tensor.offset, tensor.offset + tensor.size)),
                Each(testing::DoubleNear(expected, 1e-9)))
        << name;
  }
}

TEST_F(RunOptions, AGradientAndASignStepOfARadiusInNormAreEquallyLong) {
  for (const std::string direction : {"gradient", "sign"}) {
    const RunResult found =
        result("--warmup.epochs 0 --lp.radius-unit norm --lp.radius 0.25 --direction " + direction,
               "--tune.blocks 0,1 ");
    const SafetensorsFile before(path("model/model.safetensors")),
        after(path(out()) / "model/model.safetensors");
    double squares = 0;
    for (const auto& [name, entry] : after.entries())
      squares += (to_tensor(entry).to(at::kDouble) - to_tensor(before.at(name)).to(at::kDouble))
                     .square()
                     .sum()
                     .item<double>();
    ASSERT_GT(found.rounds.at(0).t_star, 0);
    EXPECT_NEAR(std::sqrt(squares) / found.rounds[0].t_star, 0.25, 1e-5) << direction;
  }
}

TEST_F(RunOptions, TheProgramMovesLambdaOrItsLogarithm) {
  const std::string lambda = "--warmup.lambda 0.25 ";
  const KeptRun logarithmic = kept(lambda + "--lp.lambda log"), linear = kept(lambda + "--lp.lambda linear");
  const double four = std::log(4.0);
  for (const KeptRun* run : {&logarithmic, &linear}) {
    const RoundResult& round = run->round();
    ASSERT_GT(round.t_star, 0);
    ASSERT_EQ(run->p(), 2);
    EXPECT_EQ(round.lambda_before, std::vector<double>(2, 0.25));
    const bool is_linear = run == &linear;
    EXPECT_THAT(values_of(run->u.slice(0, 0, 2)), Each(is_linear ? 0.25 : four)) << "lambda itself, or log 4";
    for (std::size_t i = 0; i < 2; ++i) {
      const double change = round.t_star * run->d[static_cast<std::int64_t>(i)].item<double>();
      EXPECT_NE(change, 0.0);
      const double expected = is_linear ? 0.25 + change : 0.25 * std::exp(std::clamp(change, -four, four));
      EXPECT_NEAR(round.lambda_after[i], expected, 1e-12);
    }
  }
}

TEST_F(RunOptions, TheScaleOfLambdaBoundsItsChange) {
  for (const char* space : {"log", "linear"}) {
    SCOPED_TRACE(space);
    const KeptRun run =
        kept(fmt::format("--warmup.lambda 0.25 --lp.lambda {} --lp.lambda-scale 0.0625", space));
    EXPECT_THAT(values_of(run.u.slice(0, 0, run.p())), Each(0.0625));
    const RoundResult& round = run.round();
    ASSERT_GT(round.t_star, 0);
    for (std::size_t i = 0; i < 2; ++i) {
      const double before = round.lambda_before[i], after = round.lambda_after[i];
      const double change = space == std::string("log") ? std::log(after / before) : after - before;
      EXPECT_NE(change, 0.0);
      // A logarithm stays within the scale even where t* > 1.
      const double most = space == std::string("log") ? 0.0625 : 0.0625 * std::max(1.0, round.t_star);
      EXPECT_LE(std::abs(change), most + 1e-12);
    }
  }
}

TEST_F(RunOptions, BilevelMovesLambdaToTheLeastLossWithinItsScale) {
  const std::string bilevel =
      "--direction bilevel --warmup.epochs 2 --warmup.lambda 0.5 --search.damping 1 --lp.lambda-scale 2 "
      "--search.solve-tol 1e-7 --precision fp64 ";
  const auto found = result(bilevel, "--tune.blocks 0,1 ");
  const RoundResult& round = found.rounds.at(0);
  EXPECT_EQ(found.m, 0);
  ASSERT_TRUE(round.implicit.has_value());
  EXPECT_GE(round.implicit->mu, 1);
  EXPECT_LT(round.implicit->predicted, 0);
  EXPECT_LE(round.implicit->certificate, 1e-7);
  ASSERT_GT(round.t_star, 0);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NE(round.lambda_after[i], round.lambda_before[i]);
    EXPECT_LE(std::abs(std::log(round.lambda_after[i] / round.lambda_before[i])), 2 + 1e-12);
  }
  const auto cut = result(bilevel + "--search.max-hvps 15", "--tune.blocks 0,1 ").rounds.at(0).implicit;
  EXPECT_EQ(cut->status, "products_spent");
  EXPECT_LT(cut->products, round.implicit->products);
}

/// Beyond 200,000 coordinates, below which preprocessing leaves all to mehrotra.
TEST_F(RunOptions, TheMethodsOfTheProgramFindTheSameOptimum) {
  Gpt2Config wide = toy_config();
  wide.width = 128;
  wide.inner = 512;
  if (world_.is_root()) write_toy_inputs(path("wide"), wide);
  world_.barrier();
  const auto solved = [&](const std::string& method) {
    const RunResult found =
        result(fmt::format("--model {}/wide/model --warmup.epochs 0 --search.steps 2 --limit 4 {}",
                           folder_.path().string(), method));
    EXPECT_GT(found.n, 200'000);
    return found.rounds.at(0).lp.value();
  };
  const LpResult reduced = solved(""), whole = solved("--lp.method mehrotra");
  EXPECT_EQ(reduced.status, "optimal");
  EXPECT_EQ(whole.status, "optimal");
  EXPECT_NEAR(reduced.objective, whole.objective, 1e-8 * std::abs(whole.objective));
  EXPECT_LT(reduced.sweeps, whole.sweeps) << "passes over all of A";
}

TEST_F(RunOptions, TheProgramStopsAtItsTimeLimit) {
  const auto whole = result("");
  const JobRun ending = run("--tune.blocks 0,1 --search.probes 3 --lp.time-limit 1e-9");
  ASSERT_EQ(ending.code, ExitCode::numerical) << ending.error;
  EXPECT_THAT(ending.error, testing::StartsWith("round 1: "));
  EXPECT_THAT(ending.error, testing::EndsWith(path(out()).string() + " holds the whole run"));
  const LpResult cut = read_result(path(out()) / "result.json").rounds.at(0).lp.value();
  EXPECT_EQ(cut.status, "time_limit");
  EXPECT_LT(cut.iterations, whole.rounds[0].lp->iterations);
  EXPECT_GT(cut.objective, whole.rounds[0].lp->objective);
  EXPECT_EQ(ending.warnings.find("its direction is used as it is") != std::string::npos, world_.is_root())
      << ending.warnings;
}

TEST_F(RunOptions, AProgramOfTheAdjointRowNeedsNoTrustRegion) {
  const auto found =
      result("--search.probe-kind adjoint --search.damping 10 --lp.trust-region none", "--tune.blocks 0,1 ");
  const auto& round = found.rounds.at(0);
  EXPECT_EQ(round.lp->status, "optimal");
  ASSERT_GT(round.t_star, 0.0);
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_LT((round.lambda_after[i] - round.lambda_before[i]) * round.implicit->gamma[i], 0.0);
  EXPECT_EQ(round.implicit->agreement, 1.0);
}

TEST_F(RunOptions, TheRatioIsThatToTheQuadraticModelAndChangesNoStep) {
  const std::string blocks = "--tune.blocks 0,1 --deterministic ";
  const auto plain = result("", blocks).rounds[0], told = result("--search.ratio on", blocks).rounds[0];
  EXPECT_FALSE(plain.model.has_value());
  EXPECT_EQ(told.line_search, plain.line_search);
  const ModelResult& model = told.model.value();
  EXPECT_LT(model.slope, 0);
  EXPECT_NEAR(model.predicted, told.t_star * (model.slope + 0.5 * told.t_star * model.curvature), 1e-12);
  double best = INFINITY;
  for (const auto& [t, loss] : told.line_search) best = t == told.t_star ? loss : best;
  EXPECT_NEAR(model.actual, best - told.line_search.front().second, 1e-12);
  EXPECT_NEAR(model.ratio.value_or(model.actual / model.predicted), model.actual / model.predicted, 1e-9);
  EXPECT_TRUE(result("--search.line model", blocks).rounds[0].model.has_value());
}

TEST_F(RunOptions, TheHypergradientIsToldBesideOtherRowsAndChangesNoStep) {
  const std::string blocks = "--tune.blocks 0,1 --deterministic ", damped = "--search.damping 10 ";
  const auto adjoint = result("--search.probe-kind adjoint " + damped, blocks).rounds[0];
  for (const std::string rows : {"--search.probes 2 ", "--search.probes 2 --search.probe-kind krylov "}) {
    const auto plain = result(rows, blocks);
    const JobRun ending = run(blocks + rows + damped + "--search.hypergradient on");
    ASSERT_EQ(ending.code, ExitCode::done) << ending.error;
    EXPECT_TRUE(!world_.is_root() ||
                ending.out.find("dlambda goes against the hypergradient in ") != std::string::npos);
    const auto told = read_result(path(out()) / "result.json");
    EXPECT_FALSE(plain.rounds[0].implicit.has_value());
    EXPECT_EQ(told.rounds[0].lambda_after, plain.rounds[0].lambda_after);
    EXPECT_EQ(told.rounds[0].line_search, plain.rounds[0].line_search);
    ASSERT_TRUE(told.rounds[0].implicit.has_value());
    EXPECT_EQ(told.rounds[0].implicit->gamma, adjoint.implicit->gamma);
    EXPECT_TRUE(told.rounds[0].implicit->agreement.has_value());
    EXPECT_GT(told.rounds[0].implicit->radius_ratio.value(), 0);
    EXPECT_TRUE(!world_.is_root() ||
                ending.out.find("times the way that W would follow") != std::string::npos);
    EXPECT_GT(total(told).hvp_sequences, total(plain).hvp_sequences);
  }
  const auto alone =
      result("--search.hypergradient on --search.probes 2", "--tune.blocks 0 --tune.regularizers 0:0 ");
  EXPECT_EQ(alone.rounds[0].implicit->agreement, std::nullopt) << "no group moves";
  expect_refusal("--search.hypergradient on --search.probe-kind adjoint", "which are made of it");
  expect_refusal("--search.hypergradient on --direction sign", "no meaning with --direction sign");
  expect_refusal("--search.hypergradient on --search.curvature identity", "needs products");
}

TEST_F(RunOptions, TheProgramIsRelaxedAndEndsAtAVertexOnRequest) {
  const auto exact = result(""), relaxed = result("--lp.relax 0.5"), vertex = result("--lp.crossover on");
  EXPECT_LT(relaxed.rounds[0].lp->objective, 1.001 * exact.rounds[0].lp->objective);
  EXPECT_EQ(exact.rounds[0].lp->inside, std::nullopt);
  ASSERT_TRUE(vertex.rounds[0].lp->inside.has_value());
  EXPECT_LE(*vertex.rounds[0].lp->inside, vertex.m);
}

}  // namespace
}  // namespace lift
