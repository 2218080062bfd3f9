#include "src/methods/tpgm.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/error.hpp"
#include "src/text/batches.hpp"

namespace lift {
namespace {

/// Warm-ups count their epochs from 0, correctors from 2^40 on: validation batches are in none of these.
constexpr std::int64_t kFirstEpoch = std::int64_t{1} << 50;

[[noreturn]] void refuse(const std::string& why) {
  throw AgreedError(ExitCode::usage, "tpgm: " + why);
}

void check(const TpgmOptions& options) {
  if (const auto violation = options.violation(); !violation.empty()) refuse(violation);
}

void check(const SearchState& state, const TpgmOptions& options) {
  check(options);
  check_pretrained(state);
  if (state.valid.size() == 0) refuse("the radii are learned on validation sequences, and there are none");
}

RadiusLoss validation_loss(const SearchState& state, const TpgmOptions& options) {
  const BatchOrder order(options.seed, state.valid.size(), options.batch);
  return [&state, order](const at::Tensor&, std::int64_t draw) {
    const std::int64_t per_epoch = order.batches_per_epoch();
    return mean_gradient(state.objective, state.valid,
                         order.batch(kFirstEpoch + draw / per_epoch, draw % per_epoch), state.comm);
  };
}

/// Radii that are learned once, between two of whose updates it can be left.
class OneShot {
 public:
  OneShot(at::Tensor& theta, TrainableProjection projection, int updates)
      : theta_(theta), projection_(std::move(projection)), updates_(updates) {}

  void save(Section& section) const { projection_.save(section); }
  void resume(const Section& section) { projection_.resume(section); }
  [[nodiscard]] std::int64_t done() const { return projection_.counts().gradients; }
  [[nodiscard]] bool learned() const { return done() >= updates_; }
  [[nodiscard]] bool projected() const { return projection_.counts().projections > 0; }
  [[nodiscard]] std::string where() const { return fmt::format("tpgm, update {} of {}", done(), updates_); }

  TpgmProgress advance() {
    try {
      projection_.update(theta_);
    } catch (const AgreedError& error) {
      throw AgreedError(error.code(), fmt::format("tpgm stopped after update {} of {}: {}", done(), updates_,
                                                  error.what()));
    }
    return {.done = done(), .total = updates_, .radius_loss = projection_.loss()};
  }
  void project() { projection_.project(theta_); }
  [[nodiscard]] TpgmSummary summary(const std::vector<TunedTensor>& tensors) const {
    return {.counts = projection_.counts(), .loss = projection_.loss(), .radii = projection_.report(tensors)};
  }

 private:
  at::Tensor& theta_;
  TrainableProjection projection_;
  int updates_;
};

TpgmSummary run(OneShot& one_shot, at::Tensor& theta, const std::vector<TunedTensor>& tensors,
                const TpgmObserver& observer, const Communicator& comm, Checkpoints* checkpoints) {
  std::optional<Checkpoints::Part> part;
  if (checkpoints != nullptr) {
    if (const auto left = checkpoints->take("tpgm")) one_shot.resume(*left);
    part.emplace(*checkpoints, "tpgm", [&](Section& section) { one_shot.save(section); });
  }
  const auto where = [&] { return one_shot.where(); };
  while (!one_shot.learned()) {
    const TpgmProgress progress = one_shot.advance();
    if (observer) observer(progress);
    if (checkpoints != nullptr) checkpoints->boundary(where);
  }
  if (!one_shot.projected()) {
    one_shot.project();
    broadcast(theta, 0, comm);
    // What evaluates W may be left without a point of its own.
    if (checkpoints != nullptr) checkpoints->save(where);
  }
  return one_shot.summary(tensors);
}

}  // namespace

TpgmSummary learn_radii(at::Tensor& theta, const at::Tensor& start, const std::vector<TunedTensor>& tensors,
                        const RadiusLoss& loss, const TpgmOptions& options, const TpgmObserver& observer,
                        const Communicator& comm, Checkpoints* checkpoints) {
  check(options);
  std::optional<RadialProjection> projection;
  agree(comm, [&] { projection.emplace(tensors, options.norm, options.excluded); });
  OneShot one_shot(theta, {*std::move(projection), start, options, loss, comm}, options.updates);
  return run(one_shot, theta, tensors, observer, comm, checkpoints);
}

TpgmSummary tpgm_once(const SearchState& state, const TpgmOptions& options, const TpgmObserver& observer) {
  check(state, options);
  at::Tensor w = state.objective.tuned().flat();
  return learn_radii(w, state.pretrained, state.objective.tuned().layout().tensors(),
                     validation_loss(state, options), options, observer, state.comm, state.checkpoints);
}

std::unique_ptr<TrainableProjection> tpgm_projection(const SearchState& state, const TpgmOptions& options) {
  check(state, options);
  return std::make_unique<TrainableProjection>(projection_of(state, options.norm, options.excluded),
                                               state.pretrained, options, validation_loss(state, options),
                                               state.comm);
}

}  // namespace lift
