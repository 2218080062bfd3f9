#include "solvers/operator_shell.hpp"

#include "solvers/shard_algebra.hpp"

namespace lift {
namespace {

std::size_t shard_size(Vec vec) {
  PetscInt size = 0;
  check_petsc(VecGetLocalSize(vec, &size), "VecGetLocalSize");
  return static_cast<std::size_t>(size);
}

}  // namespace

ReadShard::ReadShard(Vec vec) : vec_(vec), size_(shard_size(vec)) {
  check_petsc(VecGetArrayRead(vec, &values_), "VecGetArrayRead");
}

ReadShard::~ReadShard() {
  static_cast<void>(VecRestoreArrayRead(vec_, &values_));
}

WriteShard::WriteShard(Vec vec) : vec_(vec), size_(shard_size(vec)) {
  check_petsc(VecGetArrayWrite(vec, &values_), "VecGetArrayWrite");
}

WriteShard::~WriteShard() {
  static_cast<void>(VecRestoreArrayWrite(vec_, &values_));
}

OperatorShell::OperatorShell(const SymmetricOperator& h, double mu, const ShardMap& layout,
                             const Communicator& comm)
    : h_(h), mu_(mu) {
  const PetscInt size = layout.size(comm.rank());
  check_petsc(MatCreateShell(comm.handle(), size, size, layout.total(), layout.total(), this, mat_.out()),
              "MatCreateShell");
  check_petsc(MatShellSetOperation(mat_.get(), MATOP_MULT, reinterpret_cast<void (*)()>(multiply)),
              "MatShellSetOperation");
}

VecHandle OperatorShell::vector() const {
  VecHandle vec;
  check_petsc(MatCreateVecs(mat_.get(), vec.out(), nullptr), "MatCreateVecs");
  return vec;
}

void OperatorShell::check(PetscErrorCode code, const char* call) const {
  if (thrown_) std::rethrow_exception(thrown_);
  check_petsc(code, call);
}

PetscErrorCode OperatorShell::multiply(Mat mat, Vec in, Vec out) {
  OperatorShell* shell = nullptr;
  if (const auto code = MatShellGetContext(mat, &shell); code != 0) return code;
  if (shell->thrown()) return VecSet(out, 0);
  try {
    const ReadShard x(in);
    const WriteShard product(out);
    shell->h_(x.values(), product.values());
    axpy(shell->mu_, x.values(), product.values());
    ++shell->products_;
    if (shell->on_product) shell->on_product(x.values(), product.values());
  } catch (...) {
    shell->thrown_ = std::current_exception();
    return VecSet(out, 0);
  }
  return static_cast<PetscErrorCode>(0);
}

}  // namespace lift
