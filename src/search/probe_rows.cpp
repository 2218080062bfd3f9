#include "src/search/probe_rows.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "mpi/fault.hpp"
#include "mpi/process_grid.hpp"
#include "solvers/lanczos.hpp"
#include "src/objective/distributed.hpp"
#include "src/resume/broadcast_point.hpp"
#include "src/resume/made_once.hpp"
#include "src/search/curvature.hpp"
#include "src/search/implicit.hpp"
#include "src/search/probe_curvature.hpp"
#include "src/search/sharded.hpp"
#include "src/training/vectors.hpp"

namespace lift {

namespace {

/// Probes whose products share one graph, and the rows that they become.
struct Wave {
  std::vector<int> probes;
  std::vector<Probe> drawn;
  std::vector<at::Tensor> products, rows;
};

/// Draws the probes of a round; keeps nothing of it but values, because model.probe outlives it.
auto drawer(const Round& round) {
  const int p = round.options.probe_space == ProbeSpace::joint ? round.p() : 0;
  return [seed = round.options.seed, number = round.number, layout = round.tuned().layout(),
          like = round.tuned().flat(), p](int probe) {
    return masked_probe(seed, number, probe, layout, like.scalar_type(), like.device(), p);
  };
}

/// v_W and ∇²L_t v_W over this rank's part of the sequences; v_W of unit length, as finite differences need.
/// Local.
void add_products(const Round& round, LocalCurvature& curvature, Wave& wave) {
  fault_point("probe");
  const auto draw = drawer(round);
  std::vector<at::Tensor> v;
  for (const int probe : wave.probes) {
    wave.drawn.push_back(draw(probe));
    v.push_back(wave.drawn.back().w);
  }
  wave.products = curvature.products(v);
}

/// Turns the parts of the ranks of `group` into means. Collective on `group`.
void join_products(const Round& round, Wave& wave, const Communicator& group) {
  for (auto& product : wave.products) {
    sum_over_ranks(product, group);
    product.div_(static_cast<double>(round.hessian_sequences.size()));
  }
}

/// Local.
void add_rows(const Round& round, Wave& wave) {
  fault_point("row");
  for (std::size_t k = 0; k < wave.drawn.size(); ++k) {
    const Probe& probe = wave.drawn[k];
    round.state.regularizer.add_hessian_vector(round.state.lambda, probe.w, wave.products[k]);
    wave.rows.push_back(probe_row(round, wave.probes[k], probe.w, probe.lambda, wave.products[k]));
    wave.products[k].reset();
  }
}

template <typename Real>
void insert_as(ProbeMatrix& a, int index, const at::Tensor& row) {
  const auto size = static_cast<std::size_t>(row.defined() ? row.numel() : 0);
  a.insert(index,
           row.defined() ? std::span<const Real>(row.const_data_ptr<Real>(), size) : std::span<const Real>());
}

/// Hands over a row, or none (index −1): of the same type on every rank. Collective.
void insert_row(const Round& round, ProbeMatrix& a, int index, const at::Tensor& row) {
  const bool wide = round.tuned().flat().scalar_type() == at::kDouble;
  wide ? insert_as<double>(a, index, row) : insert_as<float>(a, index, row);
}

}  // namespace

at::Tensor probe_row(const Round& round, int probe, const at::Tensor& v, std::span<const double> v_lambda,
                     at::Tensor& product) {
  const Regularizer& regularizer = round.state.regularizer;
  const auto& w = round.tuned().flat();
  const auto scales = round.lambda_scales();
  auto cross = regularizer.cross(w, v);
  for (std::size_t i = 0; i < cross.size(); ++i) cross[i] *= scales[i];
  if (!v_lambda.empty()) {
    std::vector<double> coefficients(v_lambda.begin(), v_lambda.end());
    for (std::size_t i = 0; i < scales.size(); ++i) coefficients[i] *= scales[i];
    regularizer.add_cross(coefficients, w, product);
    if (round.options.radius.space == LambdaSpace::log) {
      const auto distances = regularizer.values(w);
      for (std::size_t i = 0; i < cross.size(); ++i) cross[i] += coefficients[i] * distances[i];
    }
  }
  mask(product, round.masked);
  if (!std::isfinite(norm64(product)))
    throw Error(ExitCode::numerical,
                fmt::format("the Hessian-vector product of probe {} is not finite", probe));
  auto row = at::empty({round.p() + product.numel()}, product.options().device(at::kCPU));
  for (std::size_t i = 0; i < cross.size(); ++i)
    row.narrow(0, static_cast<std::int64_t>(i), 1).fill_(cross[i]);
  row.narrow(0, round.p(), product.numel()).copy_(product);
  return row;
}

namespace {

/// The random rows of a round: waves of probes dealt over the groups of ranks, the leader of a group handing
/// over the row of each. Rows that were made before the run was left come from the memo.
///
/// What may fail on one rank, for want of memory too, is agreed on by all before the next communication.
class RandomRows {
 public:
  RandomRows(const Round& round, LocalModel& model)
      : round_(round),
        model_(model),
        grid_(round.state.comm, model.a.rows()),
        curvature_(round, part_of_rank(round.hessian_sequences, grid_.data()),
                   model.slope.training_gradient) {}

  [[nodiscard]] int waves() const { return (grid_.rounds() + kProbesPerGraph - 1) / kProbesPerGraph; }
  [[nodiscard]] const ProcessGrid& grid() const { return grid_; }
  /// Probes that all groups have done after so many waves.
  [[nodiscard]] int done(int waves) const {
    return std::min(std::min(waves * kProbesPerGraph, grid_.rounds()) * grid_.groups(), grid_.tasks());
  }

  void add(int wave) {
    Checkpoints* checkpoints = round_.state.checkpoints;
    if (checkpoints == nullptr) {
      make(wave, nullptr);
    } else if (!checkpoints->remembers() || !recall(wave, *checkpoints)) {
      checkpoints->poll();
      make(wave, checkpoints);
    }
  }

 private:
  /// Probes of all groups in a wave, in the order in which they are handed over.
  [[nodiscard]] std::vector<int> probes(int wave) const {
    std::vector<int> all(static_cast<std::size_t>(done(wave + 1) - done(wave)));
    std::iota(all.begin(), all.end(), done(wave));
    return all;
  }
  [[nodiscard]] std::string key(int probe, const Checkpoints& checkpoints) const {
    return checkpoints.key(
        fmt::format("row {} of round {}, lambda {:a}, scales {:a}, in log {}, kind {}, step {:a}, space {}, "
                    "sequences {}",
                    probe, round_.number, fmt::join(round_.state.lambda, ","),
                    fmt::join(round_.lambda_scales(), ","), round_.options.radius.space == LambdaSpace::log,
                    static_cast<int>(round_.options.products.kind), round_.options.products.step,
                    static_cast<int>(round_.options.probe_space), fmt::join(round_.hessian_sequences, ",")),
        {round_.tuned().flat()});
  }

  /// Hands over the rows of a wave as rank 0 finds them; false where one is missing.
  bool recall(int wave, Checkpoints& checkpoints) {
    const Communicator& comm = round_.state.comm;
    std::optional<MemoEntry> work;  // of the whole wave
    agree(comm, [&] {
      if (comm.is_root()) work = work_if_whole(wave, checkpoints);
    });
    broadcast(work, comm);
    if (!work) return false;
    count_work(round_.state.objective, work->work, comm);
    for (const int probe : probes(wave)) {
      at::Tensor row;
      agree(comm, [&] {
        if (comm.is_root()) row = checkpoints.look_up(key(probe, checkpoints)).value().tensor;
      });
      insert_row(round_, model_.a, comm.is_root() ? probe : -1, row);
    }
    return true;
  }

  /// The work of a wave, if all of it is there. Rank 0 reads each row twice rather than hold all groups'.
  [[nodiscard]] std::optional<MemoEntry> work_if_whole(int wave, Checkpoints& checkpoints) const {
    MemoEntry all;
    for (const int probe : probes(wave)) {
      const auto entry = checkpoints.look_up(key(probe, checkpoints));
      if (!entry) return std::nullopt;
      all.work.resize(std::max(all.work.size(), entry->work.size()));
      for (std::size_t k = 0; k < entry->work.size(); ++k) all.work[k] += entry->work[k];
    }
    return all;
  }

  void make(int number, Checkpoints* checkpoints) {
    const Communicator& comm = round_.state.comm;
    const WorkCount before = round_.state.objective.work();
    const auto start = std::chrono::steady_clock::now();
    const int first = number * kProbesPerGraph, last = std::min(first + kProbesPerGraph, grid_.rounds());
    Wave wave;
    for (int k = first; k < std::min(last, grid_.tasks_of_group()); ++k) wave.probes.push_back(grid_.task(k));
    agree(comm, [&] { add_products(round_, curvature_, wave); });
    join_products(round_, wave, grid_.data());
    agree(comm, [&] { add_rows(round_, wave); });
    for (int k = first; k < last; ++k) {
      const bool mine = grid_.leads() && k < grid_.tasks_of_group();
      insert_row(round_, model_.a, mine ? grid_.task(k) : -1,
                 mine ? wave.rows[static_cast<std::size_t>(k - first)] : at::Tensor());
    }
    if (checkpoints == nullptr || !checkpoints->remembers()) return;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    MemoEntry entry{
        .numbers = {},
        .tensor = {},
        .work = work_of_ranks(before, round_.state.objective.work(), comm),
        .seconds = seconds.count() / static_cast<double>(wave.rows.empty() ? 1 : wave.rows.size())};
    for (const int probe : probes(number)) {
      remember(probe, wave, entry, *checkpoints);
      entry.work.assign(entry.work.size(), 0.0);  // that of the wave is its first row's
    }
  }

  /// Brings a row from the group that made it to rank 0, which keeps it.
  void remember(int probe, const Wave& wave, MemoEntry entry, Checkpoints& checkpoints) const {
    const Communicator& comm = round_.state.comm;
    const auto own = std::ranges::find(wave.probes, probe);
    const bool mine = grid_.leads() && own != wave.probes.end();
    const int leader = static_cast<int>(max_over_ranks(std::int64_t{mine ? comm.rank() : -1}, comm));
    if (mine) entry.tensor = wave.rows[static_cast<std::size_t>(own - wave.probes.begin())];
    if (leader != 0) {
      const auto& w = round_.tuned().flat();
      if (!mine) entry.tensor = at::empty({round_.p() + w.numel()}, at::TensorOptions(w.scalar_type()));
      broadcast(entry.tensor, leader, comm);
    }
    checkpoints.remember(key(probe, checkpoints), entry);
  }

  const Round& round_;
  LocalModel& model_;
  ProcessGrid grid_;
  LocalCurvature curvature_;
};

}  // namespace

void add_random_rows(const Round& round, const SearchObserver& observer, LocalModel& model) {
  RandomRows rows(round, model);
  for (int wave = 0; wave < rows.waves(); ++wave) {
    rows.add(wave);
    report(observer, "probes", rows.done(wave + 1), rows.grid().tasks());
  }
  model.probes_done = round.options.products.kind == ProductKind::identity ? 0 : rows.grid().tasks_of_group();
  model.probe = [draw = drawer(round)](int i) { return draw(i).w; };
  model.curvature = probe_curvature(round, model.a);
}

/// Lanczos makes vector and product together, so that each row costs one product; where it ends early,
/// because g lies in an invariant subspace, the rows left are zero.
void add_krylov_rows(const Round& round, const SearchObserver& observer, LocalModel& model) {
  const Communicator& comm = round.state.comm;
  const auto& w = round.tuned().flat();
  const ShardMap layout(w.numel(), comm.size());
  LocalCurvature curvature(round, part_of_rank(round.hessian_sequences, comm), model.slope.training_gradient);
  WholeProduct last;
  const auto h22 = hessian_operator(round, layout, curvature, last);
  const int m = model.a.rows();
  LanczosOptions options;
  options.steps = m;
  options.on_vector = [&](int i, std::span<const double>, std::span<const double>) {
    at::Tensor row;
    agree(comm, [&] {
      fault_point("row");
      if (comm.is_root()) row = probe_row(round, i, last.vector, {}, last.product);
    });
    insert_row(round, model.a, comm.is_root() ? i : -1, row);
    report(observer, "probes", i + 1, m);
  };
  const auto start = shard_of(model.slope.gradient, layout, comm.rank());
  auto found = lanczos(h22, start, layout, comm, options);
  if (failed(found.status)) throw AgreedError(ExitCode::numerical, found.message);
  model.probes_done = found.products;
  model.curvature = probe_curvature(round, found);
  const auto basis = std::make_shared<std::vector<std::vector<double>>>(std::move(found.basis));
  model.probe = [basis, layout, w, &comm](int i) {
    const auto k = static_cast<std::size_t>(i);
    return k < basis->size() ? whole_tensor((*basis)[k], layout, w, comm) : at::zeros_like(w);
  };
}

void add_adjoint_row(const Round& round, const SearchObserver& observer, LocalModel& model) {
  const Communicator& comm = round.state.comm;
  const auto& w = round.tuned().flat();
  AdjointStep step = adjoint_step(round, model.slope, observer);
  if (failed(step.summary.status)) throw AgreedError(ExitCode::numerical, step.summary.message);
  at::Tensor row;
  agree(comm, [&] {
    if (!comm.is_root()) return;
    row = at::empty({round.p() + w.numel()}, w.options().device(at::kCPU));
    for (int i = 0; i < round.p(); ++i)
      row.narrow(0, i, 1).fill_(-step.summary.gamma[static_cast<std::size_t>(i)]);
    row.narrow(0, round.p(), w.numel()).copy_(model.slope.gradient);
  });
  insert_row(round, model.a, comm.is_root() ? 0 : -1, row);
  model.probes_done = step.summary.products;
  model.implicit = std::move(step.summary);
  model.probe = [q = std::move(step.q)](int) { return q; };
}

}  // namespace lift
