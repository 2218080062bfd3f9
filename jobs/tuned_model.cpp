#include "jobs/tuned_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/fault.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/lora_pairs.hpp"
#include "src/search/round.hpp"

namespace lift {

namespace {

Gpt2 with_pairs(Gpt2 model, const RunPlan& plan) {
  add_pairs(model, plan.layout, plan.search.seed);
  return model;
}

}  // namespace

TunedModel::TunedModel(const RunPlan& plan, Gpt2 loaded)
    : model(with_pairs(std::move(loaded), plan)),
      tuned(model, plan.layout),
      objective(model, tuned, plan.micro_batch, plan.activations),
      pretrained(plan.needs_pretrained() ? tuned.flat().clone() : at::Tensor()),
      regularizer(plan.layout, plan.around_pretrained ? pretrained : at::Tensor()),
      lambda(plan.layout.p(), plan.lambda),
      plan_(plan) {}

void TunedModel::start_from_plan(at::Device device, const Communicator& comm) {
  if (plan_.start.empty()) return;
  const Gpt2 start = load_checkpoint(plan_.start, plan_.precision, device, comm);
  agree(comm, [&] {
    fault_point("start");
    for (const TensorSpec& spec : tensor_specs(plan_.config)) copy_or_compare(spec.name, start);
  });
}

void TunedModel::set_search_lambda(const SearchState& state) {
  if (plan_.search_lambda) {
    lambda.assign(lambda.size(), *plan_.search_lambda);
  } else if (plan_.around_pretrained) {
    lambda = balanced_lambda(state, plan_.search);
  }
}

/// A tuned tensor is taken from `start`; a frozen one must be the model's.
void TunedModel::copy_or_compare(const std::string& name, const Gpt2& start) {
  const auto& tensors = plan_.layout.tensors();
  const auto found = std::ranges::find(tensors, name, &TunedTensor::name);
  if (found != tensors.end()) {
    at::Tensor flat = tuned.flat();
    tuned.view(flat, static_cast<std::size_t>(found - tensors.begin())).copy_(start.tensor(name));
  } else if (!start.tensor(name).equal(model.tensor(name))) {
    throw Error(ExitCode::usage,
                fmt::format("--start {}: {} differs from --model's, expected the same values "
                            "in all tensors that are not tuned",
                            plan_.start.string(), name));
  }
}

}  // namespace lift
