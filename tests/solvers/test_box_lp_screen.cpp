#include "solvers/box_lp_screen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/solvers/lp_catalogue.hpp"

namespace lift::box_lp {
namespace {

/// A program as one rank of one has it, or the part [begin, end) of one.
class ScreenTest : public ::testing::Test {
 protected:
  static constexpr int kRows = 7;  // four at once and three that are left
  [[nodiscard]] LpShard part(std::int64_t begin, std::int64_t end) {
    values_.clear();
    for (int i = 0; i < kRows; ++i) {
      const auto row = lp_.a.begin() + i * lp_.coordinates;
      values_.insert(values_.end(), row + begin, row + end);
    }
    const auto shard = [&](const std::vector<double>& all) {
      return std::span(all).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    };
    return {.a = LpRows(values_, end - begin),
            .g = shard(lp_.g),
            .u = shard(lp_.u),
            .tau = {},
            .rows = kRows,
            .coordinates = lp_.coordinates,
            .begin = begin,
            .comm = self_};
  }
  [[nodiscard]] LpShard whole() { return part(0, lp_.coordinates); }
  [[nodiscard]] std::vector<double> inverse() {
    const NormSums sums = norm_sums(whole());
    std::vector<double> norms(sums.rows().begin(), sums.rows().end());
    for (double& norm : norms) norm = 1 / norm;
    return norms;
  }
  [[nodiscard]] double entry(int i, std::int64_t k) const {
    return lp_.a[static_cast<std::size_t>(i * lp_.coordinates + k)];
  }

  test::DenseLp lp_ = test::gaussian("screened", kRows, 10'007, 7);
  std::vector<double> values_;
  Communicator self_ = Communicator::self();
};

/// Columns of a whole tile and of single coordinates, so that blocks end within what is added at once.
TEST_F(ScreenTest, PackedColumnsAreThoseOfTheShard) {
  const LpShard shard = whole();
  for (const std::int64_t wanted : {1, 1023, 1024, 1025, 5000}) {
    PackedLp packed(kRows);
    std::vector<int> chosen;
    for (std::int64_t begin = 0; packed.size() < wanted; begin += kTile) {
      chosen.clear();
      for (int k = 0; k < kTile && packed.size() + std::ssize(chosen) < wanted;
           k += begin % (3 * kTile) == 0 ? 1 : 3)
        chosen.push_back(k);
      packed.add(shard, begin, chosen, std::vector<double>(chosen.size(), 2.5));
    }
    const std::vector<double> column{1, 2, 3, 4, 5, 6, 7};
    packed.add_column(column, -3, 0.5);
    const LpShard program = packed.shard(shard);
    ASSERT_EQ(program.size(), wanted + 1);
    EXPECT_EQ(program.coordinates, wanted + 1);
    for (std::int64_t j = 0; j < wanted; ++j) {
      const std::int64_t k = packed.origin()[static_cast<std::size_t>(j)];
      EXPECT_EQ(program.g[j], lp_.g[k]);
      EXPECT_EQ(program.u[j], 2.5);
      for (int i = 0; i < kRows; ++i) ASSERT_EQ(*program.a.at(i, j), entry(i, k)) << i << ", " << j;
    }
    EXPECT_TRUE(std::ranges::is_sorted(packed.origin().first(static_cast<std::size_t>(wanted))));
    EXPECT_EQ(packed.origin().back(), -1);
    for (int i = 0; i < kRows; ++i) EXPECT_EQ(*program.a.at(i, wanted), i + 1);
    EXPECT_EQ(program.g.back(), -3);
    EXPECT_EQ(program.u.back(), 0.5);
  }
}

TEST_F(ScreenTest, NormsOfBlocksAreTheSameHoweverTheCoordinatesAreDealt) {
  for (const std::int64_t stride : {1, 3}) {
    NormSums together = norm_sums(whole(), stride);
    NormSums parts(kRows);
    const std::vector<std::int64_t> cuts{0, 700, 701, 3333, lp_.coordinates};
    for (std::size_t c = 0; c + 1 < cuts.size(); ++c) {
      NormSums sums = norm_sums(part(cuts[c], cuts[c + 1]), stride);
      for (std::size_t i = 0; i < sums.all().size(); ++i) parts.all()[i] += sums.all()[i];
    }
    for (std::size_t i = 0; i < parts.all().size(); ++i)
      EXPECT_NEAR(parts.all()[i], together.all()[i], 1e-12 * together.all()[i]) << stride;
    const double all = norm_sums(whole()).row(5);
    EXPECT_GT(static_cast<double>(stride) * together.row(5), 0.7 * all) << stride;
    EXPECT_LT(static_cast<double>(stride) * together.row(5), 1.4 * all) << stride;
  }
}

TEST_F(ScreenTest, ADrawStandsForTheWhole) {
  const auto shares = inverse();
  const Draw drawn = draw(whole(), shares, 2000.0 / kRows, lp_.coordinates);
  EXPECT_FALSE(drawn.cut_short);
  double expected = 0;
  for (std::int64_t k = 0; k < lp_.coordinates; ++k) expected += std::fabs(entry(5, k)) * lp_.u[k];
  EXPECT_NEAR(1 / shares[5], expected, 1e-12 * expected);
  EXPECT_NEAR(static_cast<double>(drawn.program.size()), 2000, 20);
  NormSums norms = norm_sums(whole()), found = drawn.norms;
  for (std::size_t i = 0; i < norms.all().size(); ++i)
    EXPECT_NEAR(found.all()[i], norms.all()[i], 1e-12 * norms.all()[i]);
  double count = 0;
  for (std::size_t j = 0; j < drawn.weights.size(); ++j) {
    const std::int64_t k = drawn.program.origin()[j];
    double weight = 0;
    for (int i = 0; i < kRows; ++i)
      weight += shares[static_cast<std::size_t>(i)] * std::fabs(entry(i, k)) * lp_.u[k];
    EXPECT_NEAR(drawn.weights[j], weight, 1e-12 * weight);
    EXPECT_NEAR(drawn.chances[j], std::min(1.0, 2000.0 / kRows * weight), 1e-12);
    count += 1 / drawn.chances[j];
  }
  EXPECT_NEAR(count, static_cast<double>(lp_.coordinates), 0.05 * static_cast<double>(lp_.coordinates));
}

TEST_F(ScreenTest, ADrawOfTooManyEndsAndStillKnowsTheNorms) {
  const Draw drawn = draw(whole(), inverse(), 1e9, 500);
  EXPECT_TRUE(drawn.cut_short);
  EXPECT_LE(drawn.program.size(), 500);
  NormSums norms = norm_sums(whole()), found = drawn.norms;
  for (std::size_t i = 0; i < norms.all().size(); ++i)
    EXPECT_NEAR(found.all()[i], norms.all()[i], 1e-12 * norms.all()[i]);
}

TEST_F(ScreenTest, DecidesSignsAndLeavesTheOthersInDoubt) {
  const auto shares = inverse();
  const LpShard shard = whole();
  std::vector<double> y(kRows), d(static_cast<std::size_t>(lp_.coordinates));
  for (int i = 0; i < kRows; ++i) y[static_cast<std::size_t>(i)] = 0.1 * (i - 3);
  const double width = 0.1 * static_cast<double>(lp_.coordinates) / kRows;
  const Screening screening = screen(shard, shares, y, width, lp_.coordinates, d);
  std::vector<double> glob(kRows, 0.0);
  std::int64_t doubtful = 0;
  for (std::int64_t k = 0; k < lp_.coordinates; ++k) {
    double r = lp_.g[k], weight = 0;
    for (int i = 0; i < kRows; ++i) {
      r -= y[static_cast<std::size_t>(i)] * entry(i, k);
      weight += shares[static_cast<std::size_t>(i)] * std::fabs(entry(i, k));
    }
    ASSERT_GT(std::fabs(std::fabs(r) - width * weight), 1e-12) << "rounding decides";
    if (std::fabs(r) <= width * weight) {
      ASSERT_EQ(screening.doubtful.origin()[static_cast<std::size_t>(doubtful++)], k);
      ASSERT_EQ(d[k], 0);
    } else {
      ASSERT_EQ(d[k], r > 0 ? -lp_.u[k] : lp_.u[k]);
    }
    for (int i = 0; i < kRows; ++i) glob[static_cast<std::size_t>(i)] += entry(i, k) * d[k];
  }
  EXPECT_EQ(screening.count, doubtful);
  EXPECT_GT(doubtful, 100);
  for (int i = 0; i < kRows; ++i)
    EXPECT_NEAR(screening.glob[static_cast<std::size_t>(i)], glob[static_cast<std::size_t>(i)], 1e-9);
  const Screening few = screen(shard, shares, y, width, 50, d);
  EXPECT_EQ(few.count, doubtful);
  EXPECT_LE(few.doubtful.size(), 50);
}

}  // namespace
}  // namespace lift::box_lp
