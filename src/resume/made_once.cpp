#include "src/resume/made_once.hpp"

#include <ATen/ops/empty.h>

#include <array>
#include <chrono>

#include "mpi/collectives.hpp"

namespace lift {
namespace {

constexpr std::size_t kCounts = 4;

WorkCount counts_of(const double* counts) {
  const auto whole = [&](std::size_t k) { return static_cast<std::int64_t>(counts[k]); };
  return {.loss_sequences = whole(0),
          .gradient_sequences = whole(1),
          .hvp_sequences = whole(2),
          .prefix_sequences = whole(3)};
}

}  // namespace

std::vector<double> work_of_ranks(const WorkCount& before, const WorkCount& after, const Communicator& comm) {
  const std::array mine = {
      after.loss_sequences - before.loss_sequences, after.gradient_sequences - before.gradient_sequences,
      after.hvp_sequences - before.hvp_sequences, after.prefix_sequences - before.prefix_sequences};
  std::vector<double> work(kCounts * static_cast<std::size_t>(comm.size()), 0.0);
  const auto first = kCounts * static_cast<std::size_t>(comm.rank());
  for (std::size_t k = 0; k < kCounts; ++k) work[first + k] = static_cast<double>(mine[k]);
  sum_over_ranks(host_buffer(std::span<double>(work)), comm);
  return work;
}

void count_work(const Objective& objective, const std::vector<double>& work, const Communicator& comm) {
  const std::size_t ranks = work.size() / kCounts;
  const auto rank = static_cast<std::size_t>(comm.rank());
  if (ranks == static_cast<std::size_t>(comm.size())) {
    objective.count(counts_of(work.data() + kCounts * rank));
  } else if (comm.is_root()) {
    for (std::size_t k = 0; k < ranks; ++k) objective.count(counts_of(work.data() + kCounts * k));
  }
}

Made made_once(Checkpoints* checkpoints, const std::string& label, const std::vector<at::Tensor>& inputs,
               const Objective& objective, const std::function<Made()>& make) {
  if (checkpoints == nullptr) return make();
  const std::string key = checkpoints->key(label, inputs);
  if (auto found = checkpoints->recall(key)) {
    count_work(objective, found->work, checkpoints->comm());
    const auto& like = objective.tuned().flat();
    return {std::move(found->numbers),
            found->tensor.defined() ? found->tensor.to(like.device()) : at::Tensor()};
  }
  checkpoints->poll();
  if (!checkpoints->remembers()) return make();
  const WorkCount before = objective.work();
  const auto start = std::chrono::steady_clock::now();
  Made made = make();
  MemoEntry entry{.numbers = made.numbers,
                  .tensor = {},
                  .work = work_of_ranks(before, objective.work(), checkpoints->comm()),
                  .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
  if (made.tensor.defined() && checkpoints->comm().is_root())
    entry.tensor = made.tensor.detach().to(at::kCPU).contiguous();
  checkpoints->remember(key, entry);
  return made;
}

}  // namespace lift
