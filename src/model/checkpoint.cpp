#include "src/model/checkpoint.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/sum.h>
#include <fmt/format.h>
#include <xxhash.h>

#include <array>
#include <memory>
#include <optional>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/fault.hpp"
#include "src/model/checkpoint_files.hpp"
#include "src/model/stored_tensor.hpp"

namespace lift {
namespace {

/// A hash of what was read, to compare between nodes.
class Digest {
 public:
  Digest() : state_(XXH3_createState(), &XXH3_freeState) { XXH3_64bits_reset(state_.get()); }
  void add(std::span<const std::byte> bytes) { XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()); }
  [[nodiscard]] std::string text() const { return fmt::format("{:016x}", XXH3_64bits_digest(state_.get())); }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

/// The files as this node's first rank sees them; the other ranks hold nothing.
class NodeReader {
 public:
  NodeReader(const std::filesystem::path& folder, const Communicator& comm, const Communicator& node)
      : folder_(folder), comm_(comm), node_(node) {
    agree(comm_, [&] {
      if (!node_.is_root()) return;
      files_.emplace(folder_);
      files_->check_tied_head();
    });
  }

  /// Rank 0's, which the files of all nodes must have.
  [[nodiscard]] Gpt2Config config() const {
    Gpt2Config config = files_ ? files_->config() : Gpt2Config{};
    std::array<std::int64_t, 6> sizes = {config.layers,    config.width,      config.heads,
                                         config.positions, config.vocabulary, config.inner};
    std::array<double, 1> epsilon = {config.layer_norm_epsilon};
    broadcast(host_buffer(std::span<std::int64_t>(sizes)), 0, comm_);
    broadcast(host_buffer(std::span<double>(epsilon)), 0, comm_);
    config = {int(sizes[0]), int(sizes[1]), int(sizes[2]), int(sizes[3]),
              int(sizes[4]), int(sizes[5]), epsilon[0]};
    agree(comm_, [&] {
      if (files_ && files_->config() != config) refuse_difference("config.json");
    });
    return config;
  }

  /// One tensor, read by the first rank of the node and received by the others.
  [[nodiscard]] at::Tensor tensor(const TensorSpec& spec, at::ScalarType type) {
    at::Tensor value;
    agree(comm_,
          [&] { value = files_ ? read(spec.name, type) : at::empty(spec.shape, at::TensorOptions(type)); });
    broadcast({value.data_ptr(), value.nbytes(), DataType::u8, Memory::host, nullptr}, 0, node_);
    return value;
  }

  void check_equal_on_all_nodes() const {
    std::string first = digest_.text();
    broadcast(first, 0, comm_);
    agree(comm_, [&] {
      if (files_ && digest_.text() != first) refuse_difference("the weights");
    });
  }

 private:
  [[nodiscard]] at::Tensor read(const std::string& name, at::ScalarType type) {
    const SafetensorsFile::Entry& entry = files_->entry(name);
    digest_.add(entry.bytes);
    at::Tensor value = to_tensor(entry).to(type);
    const std::int64_t bad = value.numel() - at::isfinite(value).sum().item().toLong();
    if (bad > 0) {
      throw Error(ExitCode::input, fmt::format("{} has {} of {} values that are not finite",
                                               files_->where(name), bad, value.numel()));
    }
    return value;
  }

  [[noreturn]] void refuse_difference(const char* what) const {
    throw Error(ExitCode::input,
                fmt::format("{}: {} on this node is not what rank 0 read", folder_.string(), what));
  }

  const std::filesystem::path& folder_;
  const Communicator& comm_;
  const Communicator& node_;
  std::optional<CheckpointFiles> files_;
  Digest digest_;
};

}  // namespace

Gpt2 load_checkpoint(const std::filesystem::path& folder, at::ScalarType type, at::Device device,
                     const Communicator& comm) {
  return load_checkpoint(folder, type, device, comm, comm.split_by_node());
}

Gpt2 load_checkpoint(const std::filesystem::path& folder, at::ScalarType type, at::Device device,
                     const Communicator& comm, const Communicator& node) {
  NodeReader reader(folder, comm, node);
  const Gpt2Config config = reader.config();
  std::unordered_map<std::string, at::Tensor> weights;
  for (const TensorSpec& spec : tensor_specs(config)) {
    fault_point("load");
    weights.emplace(spec.name, reader.tensor(spec, type).to(device));
  }
  reader.check_equal_on_all_nodes();
  return {config, weights};
}

Gpt2Config inspect_checkpoint(const std::filesystem::path& folder) {
  return CheckpointFiles(folder).config();
}

}  // namespace lift
