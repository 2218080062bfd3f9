#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/model/tuning.hpp"
#include "src/objective/objective.hpp"
#include "src/objective/regularizer.hpp"
#include "src/text/corpus.hpp"

namespace lift {

/// 3 blocks, width 8, inner width 16, 2 heads, 17 tokens, 16 positions.
Gpt2Config tiny_config();

/// Block 1 MLP only in one regularisation group, block 2 whole in two: n = 880, p = 3.
TuningSpec tiny_tuning();

/// A small GPT-2 with generic random weights, what is tuned of it, and three splits of 12, 9 and 5 sequences
/// of 10 tokens from one made-up language, in which every token allows few others to follow.
struct Tiny {
  explicit Tiny(at::ScalarType type = at::kDouble, const TuningSpec& tuning = tiny_tuning());
  Tiny(const Tiny&) = delete;
  Tiny& operator=(const Tiny&) = delete;

  Gpt2 model;
  TunedParameters tuned;
  SequenceSet train, valid, test;
  Objective objective{model, tuned, 5};
  Regularizer regularizer{tuned.layout()};
  std::vector<double> lambda = std::vector<double>(static_cast<std::size_t>(tuned.layout().p()), 1e-3);

  [[nodiscard]] at::Tensor w() const { return tuned.flat(); }
  /// Copies of the tensors that are not tuned.
  [[nodiscard]] std::map<std::string, at::Tensor> frozen() const;
};

/// Whether `values` has the same bits on every rank.
bool same_on_all_ranks(const at::Tensor& values, const Communicator& comm);

/// ‖a − b‖ / ‖b‖.
double relative_distance(const at::Tensor& a, const at::Tensor& b);

}  // namespace lift
