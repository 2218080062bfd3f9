#include "src/resume/section.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpi/error.hpp"

namespace lift {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    return error.what();
  }
  return "";
}

TEST(Section, GivesBackWhatWasPut) {
  Section section;
  section.put("w", at::arange(5, at::kFloat));
  section.put("losses", std::vector<double>{1.0 / 3, -kInfinity, 5e-324});
  section.put("step", 1e15 + 1);
  section.put_text("stage", "round 2");
  at::Tensor w = at::zeros({5}, at::kFloat);
  section.load("w", w);
  EXPECT_TRUE(w.equal(at::arange(5, at::kFloat)));
  EXPECT_EQ(section.numbers("losses"), (std::vector<double>{1.0 / 3, -kInfinity, 5e-324}));
  EXPECT_EQ(section.count("step"), 1000000000000001);
  EXPECT_EQ(section.text("stage"), "round 2");
  section.put("nan", std::nan(""));
  EXPECT_TRUE(std::isnan(section.number("nan")));
  EXPECT_TRUE(section.has("w") && section.has("stage") && !section.has("other"));
}

TEST(Section, NamesWhatDoesNotFit) {
  Section section;
  section.put("w", at::zeros({5}, at::kFloat));
  section.put("losses", std::vector<double>{1, 2});
  at::Tensor longer = at::zeros({6}, at::kFloat), wider = at::zeros({5}, at::kDouble);
  EXPECT_NE(refusal([&] { section.load("w", longer); }).find("'w' of a checkpoint has 5"), std::string::npos);
  EXPECT_NE(refusal([&] { section.load("w", wider); }).find("expected 5 of Double"), std::string::npos);
  EXPECT_NE(refusal([&] { static_cast<void>(section.number("losses")); }).find("has 2 numbers, expected 1"),
            std::string::npos);
  EXPECT_NE(refusal([&] { static_cast<void>(section.numbers("w")); }).find("'w'"), std::string::npos);
  EXPECT_NE(
      refusal([&] { static_cast<void>(section.tensor("none")); }).find("'none' of a checkpoint is missing"),
      std::string::npos);
  EXPECT_NE(refusal([&] { static_cast<void>(section.text("none")); }).find("is missing"), std::string::npos);
  EXPECT_THROW(section.put("half", at::zeros({2}, at::kHalf)), Error);
}

TEST(Section, OfARankThatWritesNothingHoldsNoTensors) {
  Section section(false);
  section.put("w", at::zeros({5}, at::kFloat));
  EXPECT_FALSE(section.has("w"));
}

}  // namespace
}  // namespace lift
