#include "jobs/lp_job.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "mpi/philox.hpp"
#include "solvers/session.hpp"
#include "src/model/safetensors.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
TensorToWrite tensor(const char* name, const std::vector<T>& values, std::vector<std::int64_t> shape) {
  const StoredType type = std::is_same_v<T, double>  ? StoredType::f64
                          : std::is_same_v<T, float> ? StoredType::f32
                                                     : StoredType::i64;
  return {name, type, std::move(shape), std::as_bytes(std::span(values))};
}

/// An LP with m rows whose entries are normal, u between 0.5 and 1.5.
struct Instance {
  explicit Instance(std::int64_t rows, std::int64_t columns)
      : m(rows), n(columns), a(rows * columns), g(columns), u(columns) {
    const Philox philox(3, RandomStream::test);
    philox.normals(0, 0, a);
    philox.normals(1, 0, g);
    for (std::size_t k = 0; k < u.size(); ++k) u[k] = 0.5 + philox.uniform(2, k);
  }
  void write(const std::filesystem::path& path) const {
    write_safetensors(path, {tensor("A", a, {m, n}), tensor("g", g, {n}), tensor("u", u, {n})});
  }
  std::int64_t m, n;
  std::vector<double> a, g, u;
};

std::vector<double> read_d(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const SafetensorsFile::Entry& entry = file.at("d");
  EXPECT_EQ(entry.type, StoredType::f64);
  std::vector<double> d(entry.bytes.size() / sizeof(double));
  std::memcpy(d.data(), entry.bytes.data(), entry.bytes.size());
  return d;
}

class LpJob : public testing::Test {
 protected:
  void write(const std::function<void()>& action) {
    if (world_.is_root()) action();
    world_.barrier();
  }
  JobRun solve(const std::string& more = "") {
    const std::string words = "--input " + input().string() + " --output " + output().string() + " " + more;
    JobRun run = run_in_process(Job::lp, lp_job, words_of(words), world_);
    world_.barrier();
    return run;
  }
  [[nodiscard]] std::filesystem::path input() const { return folder_ / "lp.safetensors"; }
  [[nodiscard]] std::filesystem::path output() const { return folder_ / "d.safetensors"; }
  [[nodiscard]] std::filesystem::path json() const { return folder_ / "lp.json"; }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
  SolverSession solvers_{world_};
};

TEST_F(LpJob, SolvesAClosedFormInFloat32WithFewerCoordinatesThanRanks) {
  // min d1 + d2 subject to d1 = d2 and |d| <= (1, 0.5): d = (-0.5, -0.5).
  write([&] {
    const std::vector<float> a = {1, -1}, g = {1, 1}, u = {1, 0.5};
    write_safetensors(input(), {tensor("A", a, {1, 2}), tensor("g", g, {2}), tensor("u", u, {2})});
  });
  const JobRun run = solve("--json " + json().string());
  ASSERT_EQ(run.code, ExitCode::done) << run.error;
  EXPECT_THAT(run.unread, ElementsAre("petsc"));  // read where PETSc is started
  EXPECT_THAT(read_d(output()), ElementsAre(DoubleNear(-0.5, 1e-8), DoubleNear(-0.5, 1e-8)));
  const auto answer = nlohmann::json::parse(text_of(json()));
  EXPECT_EQ(answer["status"], "optimal");
  EXPECT_NEAR(answer["objective"], -1, 1e-8);
  EXPECT_TRUE(!world_.is_root() || nlohmann::json::parse(run.out) == answer) << run.out;
}

/// min 2/3 dW, 10/3 dλ + 1.2 dW = 0, |dλ| <= 1: dλ = 1, dW = -25/9; the other block of A1 goes the other way.
TEST_F(LpJob, SolvesTheAnalyticAnchorByBothMethods) {
  struct Block {
    std::vector<double> a, g, d;
  };
  for (const Block& block : {Block{{10.0 / 3, 1.2}, {0, 2.0 / 3}, {1, -25.0 / 9}},
                             Block{{5.0 / 3, 1.2}, {0, -7.0 / 6}, {-1, 25.0 / 18}}}) {
    write([&] {
      const std::vector<double> u = {1, 100};
      write_safetensors(input(),
                        {tensor("A", block.a, {1, 2}), tensor("g", block.g, {2}), tensor("u", u, {2})});
    });
    for (const std::string method : {"mehrotra", "preprocessing"}) {
      const JobRun run = solve("--lp.method " + method + " --json " + json().string());
      ASSERT_EQ(run.code, ExitCode::done) << run.error;
      EXPECT_THAT(read_d(output()), ElementsAre(DoubleNear(block.d[0], 1e-7), DoubleNear(block.d[1], 1e-7)));
      const auto answer = nlohmann::json::parse(text_of(json()));
      EXPECT_NEAR(answer["objective"], block.g[1] * block.d[1], 1e-7);
      EXPECT_NEAR(answer["dual_objective"], block.g[1] * block.d[1], 1e-7);
    }
  }
}

TEST_F(LpJob, SumsThatOverflowAreANumericalFailure) {
  write([&] {
    const std::vector<double> a = {1e308, 1e308, 1e308}, g = {1, 2, 3}, u = {1, 1, 1};
    write_safetensors(input(), {tensor("A", a, {1, 3}), tensor("g", g, {3}), tensor("u", u, {3})});
  });
  const JobRun run = solve("--json " + json().string());
  EXPECT_EQ(run.code, ExitCode::numerical) << run.error;
  EXPECT_EQ(nlohmann::json::parse(text_of(json()))["status"], "not_finite");
  EXPECT_THAT(read_d(output()), ElementsAre(0, 0, 0));
}

TEST_F(LpJob, AnswerMeetsItsCertificateOnTheFileItself) {
  const Instance instance(4, 41);
  write([&] { instance.write(input()); });
  const JobRun run = solve("--json " + json().string());
  ASSERT_EQ(run.code, ExitCode::done) << run.error;
  const std::vector<double> d = read_d(output());
  ASSERT_EQ(std::ssize(d), instance.n);
  double objective = 0;
  for (std::int64_t k = 0; k < instance.n; ++k) {
    EXPECT_LE(std::abs(d[k]), instance.u[k] * (1 + 1e-9));
    objective += instance.g[k] * d[k];
  }
  for (std::int64_t row = 0; row < instance.m; ++row) {
    double product = 0;
    double scale = 0;
    for (std::int64_t k = 0; k < instance.n; ++k) {
      product += instance.a[row * instance.n + k] * d[k];
      scale += std::abs(instance.a[row * instance.n + k]) * instance.u[k];
    }
    EXPECT_LE(std::abs(product), 1e-9 * scale);
  }
  const auto answer = nlohmann::json::parse(text_of(json()));
  EXPECT_NEAR(answer["objective"], objective, 1e-9 * std::abs(objective));
  EXPECT_LE(answer["gap"], 1e-9);
}

TEST_F(LpJob, BothMethodsFindTheSameOptimum) {
  write([&] { Instance(2, 210'000).write(input()); });
  std::vector<nlohmann::json> answers;
  for (const std::string method : {"preprocessing", "mehrotra"}) {
    const JobRun run = solve("--lp.method " + method + " --json " + json().string());
    ASSERT_EQ(run.code, ExitCode::done) << run.error;
    const std::string first = method == "mehrotra" ? "whole" : "pilot";
    EXPECT_EQ(run.warnings.starts_with("lp: " + first + " program, step 1: gap "), world_.is_root())
        << run.warnings;
    answers.push_back(nlohmann::json::parse(text_of(json())));
  }
  const double objective = answers[0]["objective"];
  EXPECT_NEAR(objective, answers[1]["objective"].get<double>(), 1e-8 * std::abs(objective));
  EXPECT_LT(answers[0]["sweeps"].get<int>(), 10);
  EXPECT_GT(answers[1]["sweeps"].get<int>(), 20);
}

TEST_F(LpJob, RelaxesRowsAndCrossesOver) {
  write([&] { Instance(3, 200).write(input()); });
  const auto answer = [&](const std::string& words) {
    const JobRun run = solve(words + " --json " + json().string());
    EXPECT_EQ(run.code, ExitCode::done) << run.error;
    return nlohmann::json::parse(text_of(json()));
  };
  const auto exact = answer(""), relaxed = answer("--lp.relax 0.1"), vertex = answer("--lp.crossover on");
  EXPECT_LT(relaxed["objective"].get<double>(), exact["objective"].get<double>() * (1 + 1e-6));
  EXPECT_FALSE(exact.contains("inside"));
  EXPECT_LE(vertex["inside"].get<int>(), 3);
  EXPECT_NEAR(vertex["objective"], exact["objective"].get<double>(),
              1e-8 * std::abs(exact["objective"].get<double>()));
}

TEST_F(LpJob, WritesWhatItHasWhenItIsStopped) {
  write([&] { Instance(4, 41).write(input()); });
  const JobRun run = solve("--lp.time-limit 1e-9 --json " + json().string());
  EXPECT_EQ(run.code, ExitCode::numerical);
  EXPECT_THAT(run.error, AllOf(HasSubstr(input().string()), HasSubstr("not solved")));
  EXPECT_EQ(read_d(output()).size(), 41U);
  EXPECT_EQ(nlohmann::json::parse(text_of(json()))["status"], "time_limit");
}

TEST_F(LpJob, RefusesInstancesThatAreNone) {
  const Instance good(2, 7);
  const std::vector<std::int64_t> whole(7, 1);
  Instance not_finite = good;
  not_finite.a.back() = std::numeric_limits<double>::infinity();
  Instance not_a_number = good;
  not_a_number.g[0] = std::numeric_limits<double>::quiet_NaN();
  Instance negative = good;
  negative.u.back() = -1;
  const TensorToWrite a = tensor("A", good.a, {2, 7}), g = tensor("g", good.g, {7}),
                      u = tensor("u", good.u, {7});
  struct Case {
    std::vector<TensorToWrite> tensors;
    std::vector<const char*> parts;
  };
  const std::vector<Case> cases = {
      {{a, g}, {"u"}},
      {{a, g, tensor("u", whole, {7})}, {"tensor u is I64; expected F64 or F32"}},
      {{tensor("A", good.a, {14}), g, u}, {"tensor A has shape [14]; expected [m, p+n]"}},
      {{tensor("A", good.a, {7, 2}), g, u}, {"tensor g has shape [7]; expected [2] as A is [7, 2]"}},
      {{a, g, tensor("u", good.u, {7, 1})}, {"tensor u has shape [7, 1]; expected [7]"}},
      {{tensor("A", std::vector<double>{}, {0, 7}), g, u}, {"tensor A has shape [0, 7]"}},
      {{tensor("A", not_finite.a, {2, 7}), g, u}, {"tensor A has an entry that is not finite"}},
      {{a, tensor("g", not_a_number.g, {7}), u}, {"tensor g has an entry that is not finite"}},
      {{a, g, tensor("u", negative.u, {7})}, {"tensor u has a negative entry"}},
  };
  for (const Case& refused : cases) {
    write([&] { write_safetensors(input(), refused.tensors); });
    const JobRun run = solve();
    EXPECT_EQ(run.code, ExitCode::input);
    EXPECT_THAT(run.error, HasSubstr(input().string()));
    for (const char* part : refused.parts) EXPECT_THAT(run.error, HasSubstr(part));
    EXPECT_FALSE(std::filesystem::exists(output()));
  }
}

TEST_F(LpJob, RefusesAnOutputThatCannotBeWrittenBeforeItReads) {
  const JobRun run = run_in_process(
      Job::lp, lp_job, words_of("--input missing --output " + (folder_ / "missing/d.safetensors").string()),
      world_);
  EXPECT_EQ(run.code, ExitCode::input);
  EXPECT_THAT(run.error, HasSubstr("--output"));
}

}  // namespace
}  // namespace lift
