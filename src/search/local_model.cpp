#include "src/search/local_model.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/agreement.hpp"
#include "mpi/process_grid.hpp"
#include "src/objective/distributed.hpp"
#include "src/search/probes.hpp"
#include "src/training/vectors.hpp"

namespace lift {

namespace {

using Sequences = std::vector<std::int64_t>;

/// One round's fixed choices.
struct Round {
  const SearchState& state;
  const SearchOptions& options;
  int number;
  Sequences gradient_sequences;  ///< of the validation split, that make g
  Sequences hessian_sequences;   ///< of the training split, that make all products
  std::vector<CoordinateRange> masked;

  [[nodiscard]] const TunedParameters& tuned() const { return state.objective.tuned(); }
  [[nodiscard]] int p() const { return state.regularizer.p(); }
};

Round choose(const SearchState& state, const SearchOptions& options, int number) {
  const auto sample = [&](Sample purpose, const SequenceSet& set, int batches) {
    const std::int64_t count = batches > 0 ? std::int64_t{batches} * options.batch : set.size();
    return sample_sequences(options.seed, number, purpose, set.size(), count);
  };
  return {state,
          options,
          number,
          sample(Sample::gradient, state.valid, options.batches),
          sample(Sample::hessian, state.train, options.hvp_batches),
          key_biases(state.objective.tuned().layout())};
}

double finite_norm(const at::Tensor& vector, const std::string& name) {
  const double norm = norm64(vector);
  if (!std::isfinite(norm)) throw Error(ExitCode::numerical, name + " is not finite");
  return norm;
}

/// This rank's shard of (0_p, w), as float64.
std::vector<double> shard_behind_zeros(const at::Tensor& w, int p, const ShardMap& layout, int rank) {
  std::vector<double> shard(static_cast<std::size_t>(layout.size(rank)), 0.0);
  const std::int64_t first = std::max<std::int64_t>(layout.begin(rank) - p, 0);
  const std::int64_t last = std::max(layout.end(rank) - p, first);
  const auto part = w.narrow(0, first, last - first).to(at::kCPU, at::kDouble).contiguous();
  std::copy_n(part.const_data_ptr<double>(), last - first, shard.end() - (last - first));
  return shard;
}

void add_validation_gradient(const Round& round, LocalModel& model) {
  auto [loss, gradient] =
      mean_gradient(round.state.objective, round.state.valid, round.gradient_sequences, round.state.comm);
  mask(gradient, round.masked);
  agree(round.state.comm, [&] { finite_norm(gradient, "the gradient of the validation loss"); });
  model.valid_loss = loss;
  model.g = shard_behind_zeros(gradient, round.p(), model.a.layout(), round.state.comm.rank());
}

double stationarity(const Round& round) {
  auto f = mean_gradient(round.state.objective, round.state.train, round.hessian_sequences, round.state.comm);
  round.state.regularizer.add_gradient(round.state.lambda, round.tuned().flat(), f.gradient);
  return norm64(f.gradient);
}

/// [vᵀH21, vᵀH22] on the host, from v and ∇²L_t v.
at::Tensor row_of(const Round& round, int probe, const at::Tensor& v, at::Tensor& product) {
  const SearchState& state = round.state;
  state.regularizer.add_hessian_vector(state.lambda, v, product);
  mask(product, round.masked);
  finite_norm(product, fmt::format("the Hessian-vector product of probe {}", probe));
  auto cross = state.regularizer.cross(round.tuned().flat(), v);
  auto row = at::empty({round.p() + product.numel()}, product.options().device(at::kCPU));
  for (std::size_t i = 0; i < cross.size(); ++i) {
    const double scale = round.options.radius.space == LambdaSpace::log ? state.lambda[i] : 1.0;
    row.narrow(0, static_cast<std::int64_t>(i), 1).fill_(scale * cross[i]);
  }
  row.narrow(0, round.p(), product.numel()).copy_(product);
  return row;
}

/// Probes whose products share one graph, and the rows that they become.
struct Wave {
  std::vector<int> probes;
  std::vector<at::Tensor> v, products, rows;
};

/// v and ∇²L_t v over this rank's part of the sequences. Local.
void add_products(const Round& round, Wave& wave, const Communicator& group) {
  const auto& w = round.tuned().flat();
  for (const int probe : wave.probes) {
    wave.v.push_back(masked_probe(round.options.seed, round.number, probe, round.tuned().layout(),
                                  w.scalar_type(), w.device()));
    wave.products.push_back(at::zeros_like(w));
  }
  round.state.objective.add_hessian_vectors(round.state.train, part_of_rank(round.hessian_sequences, group),
                                            wave.v, wave.products);
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
  for (std::size_t k = 0; k < wave.v.size(); ++k) {
    wave.rows.push_back(row_of(round, wave.probes[k], wave.v[k], wave.products[k]));
    wave.products[k].reset();
  }
}

/// Hands over a row, or none: of the same type on every rank. Collective.
template <typename Real>
void insert_row(ProbeMatrix& a, int index, const at::Tensor& row) {
  const auto size = static_cast<std::size_t>(row.defined() ? row.numel() : 0);
  a.insert(index,
           row.defined() ? std::span<const Real>(row.const_data_ptr<Real>(), size) : std::span<const Real>());
}

/// Probes are dealt over the groups of ranks; the leader of a group hands over the row of each.
///
/// What may fail on one rank, for want of memory too, is agreed on by all before the next communication.
void add_rows(const Round& round, const SearchObserver& observer, LocalModel& model) {
  const ProcessGrid grid(round.state.comm, round.options.probes);
  const bool wide = round.tuned().flat().scalar_type() == at::kDouble;
  for (int first = 0; first < grid.rounds(); first += kProbesPerGraph) {
    const int last = std::min(first + kProbesPerGraph, grid.rounds());
    Wave wave;
    for (int k = first; k < std::min(last, grid.tasks_of_group()); ++k) wave.probes.push_back(grid.task(k));
    agree(round.state.comm, [&] { add_products(round, wave, grid.data()); });
    join_products(round, wave, grid.data());
    agree(round.state.comm, [&] { add_rows(round, wave); });
    for (int k = first; k < last; ++k) {
      const bool mine = grid.leads() && k < grid.tasks_of_group();
      const at::Tensor row = mine ? wave.rows[static_cast<std::size_t>(k - first)] : at::Tensor();
      const int index = mine ? grid.task(k) : -1;
      wide ? insert_row<double>(model.a, index, row) : insert_row<float>(model.a, index, row);
    }
    report(observer, "probes", std::min(last * grid.groups(), grid.tasks()), grid.tasks());
  }
  model.probes_done = grid.tasks_of_group();
}

}  // namespace

LocalModel build_local_model(const SearchState& state, const SearchOptions& options, int round,
                             const SearchObserver& observer) {
  const Round choices = choose(state, options, round);
  LocalModel model{ProbeMatrix(choices.p() + choices.tuned().n(), options.probes, state.comm), {}, {}};
  {
    const auto scope = state.timers.measure("gradient");
    report(observer, "gradient", 0, 2);
    add_validation_gradient(choices, model);
    report(observer, "gradient", 1, 2);
    model.stationarity = stationarity(choices);
    report(observer, "gradient", 2, 2);
  }
  report(observer, "probes", 0, options.probes);
  const auto scope = state.timers.measure("probes");
  add_rows(choices, observer, model);
  model.u = box_bounds(choices.tuned(), options.radius, model.a.layout(), state.comm.rank());
  return model;
}

}  // namespace lift
