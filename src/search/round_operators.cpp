#include "src/search/round_operators.hpp"

#include <utility>

#include "src/objective/distributed.hpp"
#include "src/search/sharded.hpp"

namespace lift {

RoundOperators::RoundOperators(const Round& round, at::Tensor training_gradient,
                               std::function<void(std::int64_t)> on_product)
    : round_(round),
      layout_(round.tuned().flat().numel(), round.state.comm.size()),
      curvature_(round, part_of_rank(round.hessian_sequences, round.state.comm),
                 std::move(training_gradient)),
      block_([this, h22 = hessian_block(round, layout_, curvature_), on_product = std::move(on_product)](
                 std::span<const std::span<const double>> x, std::span<const std::span<double>> y) {
        h22(x, y);
        products_ += std::ssize(x);
        if (on_product) on_product(products_);
      }),
      h22_([this](std::span<const double> x, std::span<double> y) {
        block_({&x, 1}, {&y, 1});
      }),
      cross_(round, layout_) {}

StationarityProblem RoundOperators::problem(std::span<const double> g, std::span<const double> s) const {
  return {.h22 = h22_,
          .h21 = [this](std::span<const double> lambda, std::span<double> w) { cross_.apply(lambda, w); },
          .h12 = [this](std::span<const double> w,
                        std::span<double> lambda) { cross_.apply_transposed(w, lambda); },
          .g = g,
          .s = s,
          .layout = layout_,
          .comm = round_.state.comm,
          .h22_block = block_};
}

at::Tensor RoundOperators::whole(std::span<const double> shard) const {
  return whole_tensor(shard, layout_, round_.tuned().flat(), round_.state.comm);
}

}  // namespace lift
