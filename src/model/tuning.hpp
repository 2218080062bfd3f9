#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/model/gpt2.hpp"
#include "src/model/lora.hpp"

namespace lift {

/// What the command line says is tuned (--tune.*).
struct TuningSpec {
  std::vector<int> blocks;    ///< B_tune: blocks by index, ascending
  std::vector<int> mlp_only;  ///< those of `blocks` of which only mlp.* is tuned; the rest are tuned FULL
  std::map<int, int> regularizers;  ///< block → N_R^b, regularisation groups of the block; 1 where absent
  /// N_R^emb, regularisation groups of the embeddings (0, 1 or 2); nothing: they are frozen (I_emb = 0)
  std::optional<std::int64_t> embedding_groups = {};
  /// Low-rank pairs beside frozen weights are tuned; nothing: the blocks' own tensors are
  std::optional<LoraSpec> lora = {};
};

/// One tuned tensor: coordinates [offset, offset + size) of W.
struct TunedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;
  std::int64_t size = 0;
  int block = -1;  ///< −1: not in a block (pretraining tunes everything)
  int group = -1;  ///< regularisation group in [0, p), −1: not regularised
};

/// Tuned tensors that follow each other in W: those from `first` up to, not with, `last`.
struct TensorRange {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// Coordinates [offset, offset + size) of W.
struct CoordinateSpan {
  std::int64_t offset = 0;
  std::int64_t size = 0;
};

/// Which coordinates of W belong to which tensor and regularisation group; needs the configuration alone.
///
/// W is flattened in checkpoint order, tuned embeddings first. A block's N_R^b groups are contiguous runs of
/// its tuned tensors, cut where their parameter counts come closest to equal; groups are numbered in the
/// order of W. With low-rank pairs, A and B of each weight that the targets name stand in the place of all
/// tensors of the block, in one group. Example, GPT-2 Small, blocks {1, 7, 11}, {1, 11} MLP only,
/// regularizers 1:1,7:0,11:1:  n = 16,532,736 and p = 2.
///
/// Throws  the constructors Error(usage) naming the option: a block out of range or twice, an mlp-only or
///         regularizers block that is not tuned, more groups than tensors or pairs; of pairs, embeddings that
///         are tuned too, a rank beyond a weight's, a block without a target.
/// Test    tests/src/model/test_tuning.cpp, test_lora.cpp
class TunedLayout {
 public:
  TunedLayout(const Gpt2Config& config, const TuningSpec& spec);
  /// Every tensor of the model, in one regularisation group or none: what `lift pretrain` trains.
  static TunedLayout everything(const Gpt2Config& config);

  [[nodiscard]] std::int64_t n() const noexcept { return n_; }
  [[nodiscard]] int p() const noexcept { return p_; }
  [[nodiscard]] const std::vector<TunedTensor>& tensors() const noexcept { return tensors_; }
  /// The lowest tuned block: everything below it is frozen. 0 if the embeddings are tuned.
  [[nodiscard]] int first_block() const noexcept { return first_block_; }
  [[nodiscard]] bool tunes_embeddings() const noexcept { return tunes_embeddings_; }
  [[nodiscard]] std::vector<std::string> names() const;
  /// The coordinates of a range that is not empty.
  [[nodiscard]] CoordinateSpan coordinates(TensorRange range) const;
  [[nodiscard]] TensorRange all() const noexcept { return {0, tensors_.size()}; }
  [[nodiscard]] const std::optional<LoraSpec>& lora() const noexcept { return lora_; }
  /// Names of the checkpoint's tensors that move with W: names(), or the weights that pairs stand beside.
  [[nodiscard]] const std::vector<std::string>& weights() const noexcept { return weights_; }

 private:
  TunedLayout() = default;
  void add(const TensorSpec& spec, int block, int group);
  void add_block(const std::vector<TensorSpec>& all, const TuningSpec& spec, int block);
  void add_embeddings(const std::vector<TensorSpec>& all, int groups);
  std::vector<TunedTensor> tensors_;
  std::vector<std::string> weights_;
  std::optional<LoraSpec> lora_;
  std::int64_t n_ = 0;
  int p_ = 0;
  int first_block_ = 0;
  bool tunes_embeddings_ = false;
};

/// W: the tuned tensors of a model in one flat tensor, of which the model's own tensors become views.
///
/// Writing to flat() moves the model. The leaves require gradients; nothing else in the model does. Where W
/// is of low-rank pairs, the model has them already (add_pairs).
/// Ownership   the model keeps views of flat()'s storage; the model must outlive this object.
/// Test        tests/src/model/test_tuning.cpp
class TunedParameters {
 public:
  TunedParameters(Gpt2& model, TunedLayout layout);
  [[nodiscard]] const TunedLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] std::int64_t n() const noexcept { return layout_.n(); }
  [[nodiscard]] const at::Tensor& flat() const noexcept { return flat_; }  ///< [n], no gradient
  [[nodiscard]] const std::vector<at::Tensor>& leaves() const noexcept { return leaves_; }
  /// The part of a flat [n] tensor that belongs to tensor k, in its shape (a view).
  [[nodiscard]] at::Tensor view(const at::Tensor& flat, std::size_t k) const;

 private:
  TunedLayout layout_;
  at::Tensor flat_;
  std::vector<at::Tensor> leaves_;
};

}  // namespace lift
