#include "src/report/curvature_result.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "solvers/inertia.hpp"

namespace lift {
namespace {

/// Curvatures span many powers of ten.
Cell curvature(double value) {
  Cell cell = Cell::number(value, 0);
  if (std::isfinite(value)) cell.text = fmt::format("{:.4g}", value);
  if (std::isinf(value)) cell = Cell::number(std::numeric_limits<double>::quiet_NaN(), 0);
  return cell;
}

/// Where there is something to say.
std::string inertia_sentence(const CurvaturePart& part) {
  if (part.inertia_known())
    return fmt::format("{}: inertia in full, {} negative and {} positive eigenvalues", part.of,
                       part.negative_found, part.positive_found);
  if (part.negative_found == 0) return "";
  return fmt::format("{}: at least {} negative eigenvalue{} found", part.of, part.negative_found,
                     part.negative_found == 1 ? "" : "s");
}

std::string joint_sentence(const CurvatureResult& result) {
  if (result.rank_h21 == 0) return "joint Hessian in (lambda, W): H21 = 0 here, lambda has no part in it";
  return fmt::format(
      "joint Hessian in (lambda, W): H11 = 0 and H21 has rank {0}, so it is indefinite whatever H22 is: {0} "
      "positive and {0} negative eigenvalues beside those of H22 on the null space of H12, at least {1} "
      "negative in all",
      result.rank_h21, result.joint_negative_found());
}

std::string schur_sentence(const SchurResult& schur) {
  if (schur.eigenvalues.empty()) return fmt::format("S at mu = {:.4g}: {}", schur.mu, schur.message);
  return fmt::format("S = -H12 (H22 + mu)^-1 H21 at mu = {:.4g}: eigenvalues {:.4g} to {:.4g} ({})", schur.mu,
                     schur.eigenvalues.front(), schur.eigenvalues.back(), schur.message);
}

}  // namespace

std::int64_t CurvatureResult::joint_negative_found() const noexcept {
  return joint_negative(static_cast<int>(rank_h21), static_cast<int>(h22.negative_found));
}

Table curvature_table(const CurvatureResult& result) {
  const std::string bound = fmt::format("none below (or 1 in {:.3g})", 1 / result.failure);
  Table table{.columns = {{"matrix", {"matrix"}, true},
                          {"coordinates", {"n"}},
                          {"positive definite", {"verdict"}, true},
                          {"least v'Hv", {"least"}},
                          {"residual", {"residual"}},
                          {"noise", {"noise"}},
                          {bound, {"lower_bound"}},
                          {"negative, at least", {"negative_found"}},
                          {"largest", {"largest"}},
                          {"products", {"products"}}},
              .rows = {}};
  const auto add = [&](const CurvaturePart& part) {
    table.rows.push_back({Cell::label(part.of), Cell::number(static_cast<double>(part.n), 0),
                          Cell::label(part.verdict), curvature(part.least), curvature(part.residual),
                          curvature(part.noise), curvature(part.lower_bound),
                          Cell::number(static_cast<double>(part.negative_found), 0), curvature(part.largest),
                          Cell::number(static_cast<double>(part.products), 0)});
  };
  add(result.h22);
  for (const CurvaturePart& block : result.blocks) add(block);
  return table;
}

std::vector<std::string> curvature_sentences(const CurvatureResult& result) {
  std::vector<std::string> sentences = {
      fmt::format("of the mean loss over {} of {} training sequences, at lambda = {:.4g}", result.sequences,
                  result.of_sequences, fmt::join(result.lambda, ", ")),
      fmt::format("{}: {}", result.h22.of, result.h22.message)};
  if (const std::string known = inertia_sentence(result.h22); !known.empty()) sentences.push_back(known);
  if (result.null_directions > 0)
    sentences.push_back(
        fmt::format("H22 itself is singular for certain, and so not positive definite: {} coordinates that "
                    "nothing regularises do not enter the loss (key biases, positions beyond the sequences)",
                    result.null_directions));
  sentences.push_back(joint_sentence(result));
  if (result.schur) {
    sentences.push_back(schur_sentence(*result.schur));
  } else if (!result.lambda.empty()) {
    sentences.push_back("S was not looked for: too few products for its columns");
  }
  sentences.push_back(fmt::format("{} products in {:.1f} s", result.products, result.seconds));
  return sentences;
}

}  // namespace lift
