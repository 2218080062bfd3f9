#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mpi/collectives.hpp"
#include "solvers/lanczos.hpp"
#include "tests/solvers/dense_reference.hpp"

namespace lift::test {

/// A dense symmetric matrix as an operator on shards, which counts its products.
class ShardedOperator {
 public:
  ShardedOperator(DenseMatrix matrix, const Communicator& comm)
      : matrix_(std::move(matrix)), comm_(comm), layout_(matrix_.size, comm.size()) {}
  [[nodiscard]] SymmetricOperator callable() {
    return [this](std::span<const double> x, std::span<double> y) {
      const auto product = matrix_.times(whole(x));
      std::copy_n(product.begin() + layout_.begin(comm_.rank()), y.size(), y.begin());
      ++products_;
    };
  }
  [[nodiscard]] const ShardMap& layout() const { return layout_; }
  [[nodiscard]] const DenseMatrix& matrix() const { return matrix_; }
  [[nodiscard]] int products() const { return products_; }
  [[nodiscard]] std::vector<double> shard(const std::vector<double>& all) const {
    return {all.begin() + layout_.begin(comm_.rank()), all.begin() + layout_.end(comm_.rank())};
  }
  [[nodiscard]] std::vector<double> whole(std::span<const double> shard) const {
    std::vector<double> all(static_cast<std::size_t>(matrix_.size));
    gather_shards(shard, all, layout_, comm_);
    return all;
  }

 private:
  DenseMatrix matrix_;
  const Communicator& comm_;
  ShardMap layout_;
  int products_ = 0;
};

}  // namespace lift::test
