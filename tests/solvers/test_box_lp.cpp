#include <fmt/format.h>
#include <gtest/gtest.h>
#include "tests/solvers/lp_catalogue.hpp"
namespace lift {
namespace {
TEST(X, All) {
  const auto world = Communicator::world();
  auto all = test::closed_forms();
  for (auto& lp : test::hard_cases()) all.push_back(lp);
  for (const auto& lp : all) {
    test::DistributedLp dist(lp, world);
    std::vector<double> d(dist.size());
    if (getenv("LPLOG")) fmt::print("{}\n", lp.name);
    auto s = solve_box_lp(dist.problem(), {}, d);
    if (world.is_root())
      fmt::print("{:55s} {:10s} it {:3d} obj {:.14e} gap {:.1e} res {:.1e} bv {:.1e} {}\n", lp.name,
                 to_string(s.status), s.iterations, s.certificate.objective, s.certificate.gap,
                 s.certificate.residual, s.certificate.bound_violation,
                 lp.optimum ? std::fabs(*lp.optimum - s.certificate.objective) : -1);
  }
}
}  // namespace
}  // namespace lift
