#include "src/objective/distributed.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <limits>
#include <numeric>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "tests/src/objective/toy.hpp"
#include "tests/support/random_gpt2.hpp"

namespace lift {
namespace {

/// What the ranks share, beside what one rank computes alone from the same sequences.
class DistributedTest : public ::testing::TestWithParam<int> {
 protected:
  [[nodiscard]] at::Tensor random_direction(std::uint64_t sequence) const {
    return random_tensor({toy_.tuned.n()}, sequence);
  }
  void expect_equal_on_all_ranks(const at::Tensor& values) const {
    auto largest = values.clone(), smallest = -values;
    const auto span = [](at::Tensor& x) {
      return std::span(x.data_ptr<double>(), static_cast<std::size_t>(x.numel()));
    };
    max_over_ranks(host_buffer(span(largest)), world_);
    max_over_ranks(host_buffer(span(smallest)), world_);
    EXPECT_TRUE(largest.equal(-smallest));
  }

  Communicator world_ = Communicator::world();
  Toy toy_;
  Objective objective_{toy_.model, toy_.tuned, 2};
  std::vector<std::int64_t> sequences_ = first_sequences(GetParam());
};

double relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item().toDouble();
}

TEST_P(DistributedTest, LossAndGradientAreTheSerialMeans) {
  auto serial = at::zeros_like(toy_.tuned.flat());
  const auto losses = objective_.add_gradient(toy_.set, sequences_, serial);
  const double mean = std::accumulate(losses.begin(), losses.end(), 0.0) / GetParam();
  const auto result = mean_gradient(objective_, toy_.set, sequences_, world_);
  EXPECT_NEAR(result.loss, mean, 1e-13);
  EXPECT_NEAR(mean_loss(objective_, toy_.set, sequences_, world_), mean, 1e-13);
  EXPECT_LT(relative(result.gradient, serial / GetParam()), 1e-12);
  expect_equal_on_all_ranks(result.gradient);
}

TEST_P(DistributedTest, HessianVectorsAreTheSerialMeans) {
  const auto v = random_direction(1);
  auto serial = at::zeros_like(toy_.tuned.flat());
  objective_.add_hessian_vector(toy_.set, sequences_, v, serial);
  const auto mean = mean_hessian_vector(objective_, toy_.set, sequences_, v, world_);
  EXPECT_LT(relative(mean, serial / GetParam()), 1e-12);
  expect_equal_on_all_ranks(mean);
}

TEST_P(DistributedTest, PartsAreDealtWholeAndInOrder) {
  const auto mine = part_of_rank(sequences_, world_);
  EXPECT_EQ(sum_over_ranks(std::ssize(mine), world_), GetParam());
  std::int64_t next = world_.rank() == 0 ? 0 : -1;
  for (const auto sequence : mine) {
    if (next >= 0) {
      EXPECT_EQ(sequence, next++);
    }
  }
}

TEST_P(DistributedTest, ABroadcastTensorIsTheRoots) {
  auto tensor = random_direction(static_cast<std::uint64_t>(3 + world_.rank()));
  broadcast(tensor, 0, world_);
  EXPECT_TRUE(tensor.equal(random_direction(3)));
}

TEST_P(DistributedTest, WorkIsDividedAndNeverRepeated) {
  const Objective fresh(toy_.model, toy_.tuned, 2);
  (void)mean_gradient(fresh, toy_.set, sequences_, world_);
  EXPECT_EQ(sum_over_ranks(fresh.work().gradient_sequences, world_), GetParam());
  EXPECT_LE(fresh.work().gradient_sequences, (GetParam() + world_.size() - 1) / world_.size());
}

TEST_P(DistributedTest, ALossThatIsNotFiniteFailsOnEveryRank) {
  toy_.tuned.flat().detach()[0] = std::numeric_limits<double>::infinity();
  for (const auto& run : std::vector<std::function<void()>>{
           [&] { (void)mean_loss(objective_, toy_.set, sequences_, world_); },
           [&] { (void)mean_gradient(objective_, toy_.set, sequences_, world_); }}) {
    try {
      run();
      ADD_FAILURE() << "nothing thrown";
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::numerical);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("sequence 0"));
    }
  }
}

// Fewer sequences than ranks, as many, and a number that no rank count divides.
INSTANTIATE_TEST_SUITE_P(Sequences, DistributedTest, ::testing::Values(1, 2, 4, 7));

TEST(Distributed, AMeanOverNoSequencesIsRefused) {
  const auto world = Communicator::world();
  const Toy toy;
  const Objective objective(toy.model, toy.tuned, 2);
  EXPECT_THROW((void)mean_loss(objective, toy.set, {}, world), AgreedError);
}

TEST(Distributed, OnlyContiguousFloatsAreSummed) {
  const auto world = Communicator::world();
  auto integers = at::zeros({3}, at::kLong);
  EXPECT_THROW(sum_over_ranks(integers, world), Error);
  auto strided = at::zeros({3, 3}).t().narrow(0, 0, 2);
  EXPECT_THROW(sum_over_ranks(strided, world), Error);
}

}  // namespace
}  // namespace lift
