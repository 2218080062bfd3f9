#include "tests/solvers/highs_peer.hpp"

#ifdef LIFT_HIGHS
#include <fmt/format.h>
#include <interfaces/highs_c_api.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <vector>

#include "mpi/error.hpp"
#endif

namespace lift::test {

#ifdef LIFT_HIGHS
namespace {

struct HighsDeleter {
  void operator()(void* highs) const { Highs_destroy(highs); }
};
using HighsHandle = std::unique_ptr<void, HighsDeleter>;

void check_highs(HighsInt status, const char* call) {
  if (status == kHighsStatusError) throw Error(ExitCode::internal, fmt::format("HiGHS: {} failed", call));
}

double inverse(double norm) {
  return norm > 0 ? 1 / norm : 0;
}

/// The scaled LP in HiGHS's row-wise form.
struct ScaledModel {
  std::vector<double> cost, values, reach;  ///< reach: τ of the rows that are left
  std::vector<HighsInt> start, index;
  double cost_norm = 0;

  ScaledModel(std::span<const double> a, std::span<const double> g, std::span<const double> u, int rows,
              std::span<const double> tau) {
    const std::size_t n = g.size();
    index.reserve(a.size());
    values.reserve(a.size());
    for (std::size_t k = 0; k < n; ++k) cost_norm += std::fabs(g[k]) * u[k];
    for (std::size_t k = 0; k < n; ++k) cost.push_back(g[k] * u[k] * inverse(cost_norm));
    for (int i = 0; i < rows; ++i) add_row(a.subspan(i * n, n), u, tau.empty() ? 0 : tau[i]);
  }
  void add_row(std::span<const double> row, std::span<const double> u, double tau) {
    double norm = 0;
    for (std::size_t k = 0; k < u.size(); ++k) norm += std::fabs(row[k]) * u[k];
    if (norm == 0) return;
    start.push_back(static_cast<HighsInt>(values.size()));
    reach.push_back(tau * inverse(norm) * static_cast<double>(u.size()));
    for (std::size_t k = 0; k < u.size(); ++k) {
      const double value = row[k] * u[k] * inverse(norm);
      if (value == 0) continue;
      index.push_back(static_cast<HighsInt>(k));
      // Times n: HiGHS drops entries below 1e-9.
      values.push_back(value * static_cast<double>(u.size()));
    }
  }
};

HighsHandle new_highs(const HighsOptions& options) {
  HighsHandle highs(Highs_create());
  check_highs(Highs_setBoolOptionValue(highs.get(), "output_flag", 0), "output_flag");
  check_highs(Highs_setStringOptionValue(highs.get(), "solver", options.solver.c_str()), "solver");
  check_highs(Highs_setDoubleOptionValue(highs.get(), "time_limit", options.max_seconds), "time_limit");
  if (!options.presolve) check_highs(Highs_setStringOptionValue(highs.get(), "presolve", "off"), "presolve");
  if (options.solver != "pdlp") {
    check_highs(Highs_setDoubleOptionValue(highs.get(), "primal_feasibility_tolerance", 1e-10), "tolerance");
    check_highs(Highs_setDoubleOptionValue(highs.get(), "dual_feasibility_tolerance", 1e-10), "tolerance");
  }
  check_highs(Highs_setDoubleOptionValue(highs.get(), "small_matrix_value", 1e-12), "small_matrix_value");
  check_highs(Highs_setIntOptionValue(highs.get(), "threads", 1), "threads");
  return highs;
}

const char* iteration_count_of(const std::string& solver) {
  if (solver == "simplex") return "simplex_iteration_count";
  return solver == "pdlp" ? "pdlp_iteration_count" : "ipm_iteration_count";
}

/// The rows' products, which ScaledModel makes relative to Σ_k |a_ik| u_k / n.
double residual_of(void* highs, std::size_t n, std::size_t m) {
  std::vector<double> x(n), reduced(n), products(m), multipliers(m);
  check_highs(Highs_getSolution(highs, x.data(), reduced.data(), products.data(), multipliers.data()),
              "Highs_getSolution");
  double largest = 0;
  for (const double product : products) largest = std::max(largest, std::fabs(product));
  return largest / static_cast<double>(n);
}

}  // namespace

bool has_highs() {
  return true;
}

std::optional<HighsAnswer> solve_with_highs(std::span<const double> a, std::span<const double> g,
                                            std::span<const double> u, int rows, const HighsOptions& options,
                                            std::span<const double> tau) {
  const HighsHandle highs = new_highs(options);
  HighsAnswer answer;
  double cost_norm = 0;
  std::size_t kept_rows = 0;
  {
    const ScaledModel model(a, g, u, rows, tau);
    cost_norm = model.cost_norm;
    kept_rows = model.start.size();
    const std::size_t n = g.size(), m = model.start.size();
    // Costs of mean 1, so that the absolute dual tolerance is relative to them.
    std::vector<double> cost = model.cost;
    for (double& c : cost) c *= static_cast<double>(n);
    const std::vector<double> lower(n, -1.0), upper(n, 1.0);
    std::vector<double> below = model.reach;
    for (double& bound : below) bound = -bound;
    check_highs(Highs_passLp(highs.get(), static_cast<HighsInt>(n), static_cast<HighsInt>(m),
                             static_cast<HighsInt>(model.values.size()), kHighsMatrixFormatRowwise,
                             kHighsObjSenseMinimize, 0, cost.data(), lower.data(), upper.data(), below.data(),
                             model.reach.data(), model.start.data(), model.index.data(), model.values.data()),
                "Highs_passLp");
  }
  if (options.on_run) options.on_run();
  const auto started = std::chrono::steady_clock::now();
  check_highs(Highs_run(highs.get()), "Highs_run");
  answer.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  answer.optimal = Highs_getModelStatus(highs.get()) == kHighsModelStatusOptimal;
  answer.objective = Highs_getObjectiveValue(highs.get()) * cost_norm / static_cast<double>(g.size());
  answer.residual = residual_of(highs.get(), g.size(), kept_rows);
  HighsInt iterations = 0;
  const char* counter = iteration_count_of(options.solver);
  check_highs(Highs_getIntInfoValue(highs.get(), counter, &iterations), counter);
  answer.iterations = iterations;
  return answer;
}

#else

bool has_highs() {
  return false;
}

std::optional<HighsAnswer> solve_with_highs(std::span<const double> /*a*/, std::span<const double> /*g*/,
                                            std::span<const double> /*u*/, int /*rows*/,
                                            const HighsOptions& /*options*/,
                                            std::span<const double> /*tau*/) {
  return std::nullopt;
}

#endif

}  // namespace lift::test
