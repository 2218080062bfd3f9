#include "jobs/kept_instance.hpp"

#include <functional>
#include <optional>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/fault.hpp"
#include "src/model/safetensors_writer.hpp"
#include "src/search/local_model.hpp"

namespace lift {
namespace {

/// The file on rank 0, nothing on the others; every member is collective.
class Instance {
 public:
  Instance(const std::filesystem::path& path, std::vector<StoredTensor> tensors, const Communicator& comm)
      : comm_(comm) {
    agree(comm_, [&] {
      fault_point("instance");
      if (comm_.is_root()) writer_.emplace(path, std::move(tensors));
    });
  }
  void add(std::span<const double> values) {
    on_root([&] { writer_->add(std::as_bytes(values)); });
  }
  /// What `make` returns, called on rank 0 alone.
  void add(const std::function<at::Tensor()>& make) {
    on_root([&] {
      const at::Tensor values = make();
      writer_->add({static_cast<const std::byte*>(values.const_data_ptr()), values.nbytes()});
    });
  }
  void finish() {
    on_root([&] { writer_->finish(); });
  }

 private:
  void on_root(const std::function<void()>& action) {
    agree(comm_, [&] {
      if (comm_.is_root()) action();
    });
  }
  const Communicator& comm_;
  std::optional<SafetensorsWriter> writer_;
};

}  // namespace

void keep_instance(const std::filesystem::path& path, const LocalModel& model, std::span<const double> d,
                   const TunedParameters& tuned, const Communicator& comm) {
  const ShardMap& layout = model.a.layout();
  const std::int64_t m = model.a.rows();
  const std::int64_t columns = layout.total();
  const at::ScalarType type = tuned.flat().scalar_type();
  Instance file(path,
                {{"A", StoredType::f64, {m, columns}},
                 {"g", StoredType::f64, {columns}},
                 {"u", StoredType::f64, {columns}},
                 {"probes", type == at::kDouble ? StoredType::f64 : StoredType::f32, {m, tuned.n()}},
                 {"d", StoredType::f64, {columns}}},
                comm);
  std::vector<double> whole(columns);
  const auto add_gathered = [&](std::span<const double> shard) {
    gather_shards(shard, whole, layout, comm);
    file.add(whole);
  };
  const std::size_t shard = layout.size(comm.rank());
  for (std::int64_t row = 0; row < m; ++row) add_gathered(model.a.local().subspan(row * shard, shard));
  add_gathered(model.g);
  add_gathered(model.u);
  for (std::int64_t row = 0; row < m; ++row) {
    const at::Tensor probe = model.probe(static_cast<int>(row));
    file.add([&] { return probe.cpu().contiguous(); });
  }
  file.add(d);
  file.finish();
}

void keep_unbounded_program(const std::filesystem::path& path, const ProgramReport& program,
                            std::span<const double> d, const Communicator& comm) {
  Instance file(path,
                {{"y", StoredType::f64, {std::ssize(program.y)}},
                 {"dual_residual", StoredType::f64, {1}},
                 {"d", StoredType::f64, {std::ssize(d)}}},
                comm);
  file.add(program.y);
  file.add({&program.dual_residual, 1});
  file.add(d);
  file.finish();
}

}  // namespace lift
