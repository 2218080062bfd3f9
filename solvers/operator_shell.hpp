#pragma once
#include <cstdint>
#include <exception>
#include <functional>
#include <span>

#include "solvers/lanczos.hpp"
#include "solvers/petsc.hpp"

namespace lift {

using VecHandle = PetscHandle<Vec, VecDestroy>;

/// A PETSc vector's shard to be read, for as long as this lives.
class ReadShard {
 public:
  explicit ReadShard(Vec vec);
  ~ReadShard();
  ReadShard(const ReadShard&) = delete;
  ReadShard& operator=(const ReadShard&) = delete;
  [[nodiscard]] std::span<const double> values() const noexcept { return {values_, size_}; }

 private:
  Vec vec_;
  const double* values_ = nullptr;
  std::size_t size_ = 0;
};

/// Likewise to be written, its old values not read.
class WriteShard {
 public:
  explicit WriteShard(Vec vec);
  ~WriteShard();
  WriteShard(const WriteShard&) = delete;
  WriteShard& operator=(const WriteShard&) = delete;
  [[nodiscard]] std::span<double> values() const noexcept { return {values_, size_}; }

 private:
  Vec vec_;
  double* values_ = nullptr;
  std::size_t size_ = 0;
};

/// H + μI as a matrix for PETSc's and SLEPc's solvers, which know it by its products alone.
///
/// What the operator throws waits here: PETSc is C, and a code returned from a product would leave its
/// objects half open. Products are 0 from then on; a solver's own tests end it on thrown(), and check()
/// rethrows once it has returned.
///
/// Ownership   keeps references; `h`, `layout` and `comm` must outlive it. Neither copied nor moved: PETSc
///             holds its address.
/// Collective  on `comm`, with layout.parts() = comm.size().
/// Throws      Error(internal) where PETSc fails.
/// Test        tests/solvers/test_shifted_cg.cpp, test_least_eigenvalue.cpp
class OperatorShell {
 public:
  OperatorShell(const SymmetricOperator& h, double mu, const ShardMap& layout, const Communicator& comm);
  OperatorShell(const OperatorShell&) = delete;
  OperatorShell& operator=(const OperatorShell&) = delete;

  [[nodiscard]] Mat matrix() const noexcept { return mat_.get(); }
  [[nodiscard]] std::int64_t products() const noexcept { return products_; }
  /// A vector that the matrix multiplies.
  [[nodiscard]] VecHandle vector() const;
  [[nodiscard]] bool thrown() const noexcept { return thrown_ != nullptr; }
  /// Rethrows what the operator threw; else as check_petsc.
  void check(PetscErrorCode code, const char* call) const;

  /// Called on every rank after each product with x and (H + μI)x, this rank's shards; may be empty.
  std::function<void(std::span<const double> x, std::span<const double> product)> on_product;

 private:
  static PetscErrorCode multiply(Mat mat, Vec in, Vec out);

  const SymmetricOperator& h_;
  double mu_;
  std::int64_t products_ = 0;
  std::exception_ptr thrown_;
  MatHandle mat_;
};

}  // namespace lift
