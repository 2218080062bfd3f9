// PETSc's own options reach the objects that the solvers set up, under the prefix lift_.
#include <gtest/gtest.h>
#include <petscsys.h>

#include <cmath>
#include <string>

#include "mpi/error.hpp"
#include "solvers/bilevel.hpp"
#include "solvers/least_eigenvalue.hpp"
#include "solvers/petsc.hpp"
#include "tests/solvers/sharded_operator.hpp"
#include "tests/solvers/stationarity_instances.hpp"

namespace lift {
namespace {

/// One option of the database, until the end of the block.
class GivenOption {
 public:
  GivenOption(std::string name, const char* value) : name_(std::move(name)) {
    check_petsc(PetscOptionsSetValue(nullptr, name_.c_str(), value), "PetscOptionsSetValue");
  }
  ~GivenOption() { static_cast<void>(PetscOptionsClearValue(nullptr, name_.c_str())); }
  GivenOption(const GivenOption&) = delete;
  GivenOption& operator=(const GivenOption&) = delete;
  [[nodiscard]] bool used() const {
    PetscBool used = PETSC_FALSE;
    check_petsc(PetscOptionsUsed(nullptr, name_.c_str() + 1, &used), "PetscOptionsUsed");
    return used == PETSC_TRUE;
  }

 private:
  std::string name_;
};

class PetscOptions : public testing::Test {
 protected:
  EigenSummary eigenvalue() const {
    test::ShardedOperator h(test::with_spectrum(test::geometric(60, 0.1, 5), 3), world_);
    return least_eigenvalue(h.callable(), h.shard(test::normals(60, 4)), h.layout(), world_,
                            {.max_products = 200, .basis = 12});
  }
  BilevelSummary minimum() const {
    const BilevelObjective bowl = [](std::span<const double> theta, std::span<double> gradient) {
      const double root = std::sqrt(1 + 25 * (theta[0] - 1) * (theta[0] - 1));
      gradient[0] = 25 * (theta[0] - 1) / root;
      gradient[1] = 9 * theta[1];
      return root + 4.5 * theta[1] * theta[1];
    };
    const std::vector<double> start{-2, 1}, lower{-3, -3}, upper{3, 3};
    return minimise_bilevel({bowl, start, lower, upper}, world_, {.tol = 1e-6});
  }
  const Communicator world_ = Communicator::world();
};

TEST_F(PetscOptions, OfTheEigenvalueSolverAreUsed) {
  const GivenOption vectors("-lift_bv_type", "vecs"), other("-eps_max_it", "3");
  const auto found = eigenvalue();
  EXPECT_TRUE(vectors.used());
  EXPECT_FALSE(other.used()) << "without the prefix it is nobody's";
  EXPECT_EQ(found.status, EigenStatus::converged) << found.message;
  EXPECT_NEAR(found.value, 0.1, 1e-6);
}

TEST_F(PetscOptions, ThatPetscDoesNotKnowEndTheSolve) {
  {
    const GivenOption wrong("-lift_bv_type", "no-such-type");
    EXPECT_THROW(static_cast<void>(eigenvalue()), Error);
  }
  {
    const GivenOption wrong("-lift_tao_ls_type", "no-such-type");
    EXPECT_THROW(static_cast<void>(minimum()), AgreedError);
  }
  EXPECT_EQ(eigenvalue().status, EigenStatus::converged);
  EXPECT_EQ(minimum().status, BilevelStatus::converged);
}

/// The basis, the tolerance and the method are part of what the certificate says.
TEST_F(PetscOptions, ChangeNothingThatACertificateRestsOn) {
  const auto before = eigenvalue();
  const GivenOption basis("-lift_eps_ncv", "5"), method("-lift_eps_type", "lapack");
  const auto found = eigenvalue();
  EXPECT_EQ(found.value, before.value);
  EXPECT_EQ(found.steps, before.steps);
  EXPECT_EQ(found.products, before.products);
  const auto least = minimum();
  const GivenOption unbounded("-lift_tao_type", "lmvm");
  const auto bounded = minimum();
  EXPECT_EQ(bounded.status, BilevelStatus::converged);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(bounded.theta[i], least.theta[i], 1e-6);
}

TEST_F(PetscOptions, OfTheBilevelSolverChangeItsPath) {
  const auto before = minimum();
  const GivenOption search("-lift_tao_ls_type", "armijo");
  const auto found = minimum();
  if (world_.is_root()) {
    EXPECT_TRUE(search.used());
  }
  EXPECT_EQ(found.status, BilevelStatus::converged) << found.message;
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(found.theta[i], before.theta[i], 1e-6);
  bool same = found.path.size() == before.path.size();
  for (std::size_t i = 0; same && i < found.path.size(); ++i)
    same = found.path[i].theta == before.path[i].theta;
  EXPECT_FALSE(same) << "another line search went another way";
}

}  // namespace
}  // namespace lift
