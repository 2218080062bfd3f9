#include "solvers/lp_checks.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "mpi/agreement.hpp"

namespace lift {
namespace {

/// 0, or NaN if an entry is not finite.
double finite_sum(std::span<const double> values) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t k = 0; k < values.size(); ++k) sum += 0 * values[k];
  return sum;
}

}  // namespace

void check_lp_shapes(const std::string& what, const ProbeMatrix& a, const LpVectors& vectors) {
  const auto expected = static_cast<std::size_t>(a.layout().size(a.comm().rank()));
  const auto check = [&](const char* name, std::size_t size, std::size_t wanted) {
    if (size == wanted) return;
    throw Error(ExitCode::internal,
                fmt::format("{}: {} has {} entries, expected {}", what, name, size, wanted));
  };
  agree(a.comm(), [&] {
    check("the shard of g", vectors.g.size(), expected);
    check("the shard of u", vectors.u.size(), expected);
    check("the shard of d", vectors.d.size(), expected);
    check("y", vectors.y.size(), static_cast<std::size_t>(a.rows()));
  });
}

void check_lp_entries(const std::string& what, const ProbeMatrix& a, std::span<const double> g,
                      std::span<const double> u) {
  const std::int64_t begin = a.layout().begin(a.comm().rank());
  const auto refuse = [&](const char* name, std::size_t k, double value, const char* wrong) {
    throw Error(ExitCode::internal, fmt::format("{}: {}[{}] = {}{}", what, name,
                                                begin + static_cast<std::int64_t>(k), value, wrong));
  };
  agree(a.comm(), [&] {
    for (std::size_t k = 0; k < g.size(); ++k)
      if (!std::isfinite(g[k])) refuse("g", k, g[k], " is not finite");
    for (std::size_t k = 0; k < u.size(); ++k)
      if (!(u[k] >= 0) || !std::isfinite(u[k])) refuse("u", k, u[k], ", expected finite and >= 0");
    for (int i = 0; i < a.rows(); ++i) {
      if (finite_sum(a.local().subspan(i * g.size(), g.size())) == 0) continue;
      throw Error(ExitCode::internal,
                  fmt::format("{}: row {} of A holds an entry that is not finite", what, i));
    }
  });
}

double bound_violation(double d, double u) {
  if (std::fabs(d) <= u) return 0;
  return u > 0 && std::isfinite(d) ? (std::fabs(d) - u) / u : std::numeric_limits<double>::infinity();
}

double larger(double a, double b) {
  return a >= b || std::isnan(a) ? a : b;
}

}  // namespace lift
