#include "jobs/split_losses.hpp"

#include <fmt/format.h>

#include <cmath>

#include "src/objective/distributed.hpp"
#include "src/resume/made_once.hpp"
#include "src/search/saved_weights.hpp"
#include "src/search/sharded.hpp"

namespace lift {

SplitLosses::SplitLosses(const Objective& objective, const Corpus& corpus, Progress& progress,
                         PhaseTimers& timers, const Communicator& comm, Checkpoints* checkpoints)
    : objective_(objective),
      corpus_(corpus),
      progress_(progress),
      timers_(timers),
      comm_(comm),
      checkpoints_(checkpoints) {}

SplitLoss SplitLosses::train() {
  return mean(corpus_.train.first(corpus_.valid.size()), "train");
}

SplitLoss SplitLosses::valid() {
  forget_if_moved();
  if (!valid_) valid_ = mean(corpus_.valid, "valid");
  return *valid_;
}

SplitLoss SplitLosses::test() {
  forget_if_moved();
  if (!test_) test_ = mean(corpus_.test, "test");
  return *test_;
}

std::optional<SplitLoss> SplitLosses::ood() {
  if (corpus_.ood.size() == 0) return std::nullopt;
  forget_if_moved();
  if (!ood_) ood_ = mean(corpus_.ood, "ood");
  return ood_;
}

std::optional<SplitLoss> SplitLosses::ood_at(const at::Tensor& weights) {
  if (corpus_.ood.size() == 0) return std::nullopt;
  forget_if_moved();
  at::Tensor w = objective_.tuned().flat();
  const bool in_place = from_root(w.equal(weights.to(w.device())) ? 1.0 : 0.0, comm_) != 0;
  if (in_place && ood_) return ood_;
  const SavedWeights back(w);
  w.copy_(weights);
  const SplitLoss found = evaluated(corpus_.ood, "ood");
  if (in_place) ood_ = found;
  return found;
}

Evaluation SplitLosses::all() {
  return {.train = train(), .valid = valid(), .test = test(), .ood = ood()};
}

void SplitLosses::change_form(const std::string& form) {
  form_ = fmt::format(" {}", form);
  w_.reset();
}

void SplitLosses::know_valid(double loss) {
  forget_if_moved();
  valid_ = {loss, corpus_.valid.size()};
}

void SplitLosses::know_test(double loss) {
  forget_if_moved();
  test_ = {loss, corpus_.test.size()};
}

SplitLoss SplitLosses::mean(const SequenceSet& set, const char* split) {
  const auto evaluate = [&] { return Made{{evaluated(set, split).loss}}; };
  const std::string label = fmt::format("evaluate {}{}", split, form_);
  return {made_once(checkpoints_, label, {objective_.tuned().flat()}, objective_, evaluate).numbers.at(0),
          set.size()};
}

SplitLoss SplitLosses::evaluated(const SequenceSet& set, const char* split) {
  const auto time = timers_.measure("evaluate");
  const std::string phase = fmt::format("evaluate {}{}", split, form_);
  const double loss =
      mean_loss(objective_, set, first_sequences(set.size()), comm_,
                [&](std::int64_t done, std::int64_t total) { progress_.update(phase, done, total); });
  progress_.finish(fmt::format("perplexity {:.2f}", std::exp(loss)));
  return {loss, set.size()};
}

void SplitLosses::save(Section& section) {
  forget_if_moved();
  if (valid_) section.put("valid", valid_->loss);
  if (test_) section.put("test", test_->loss);
  if (ood_) section.put("ood", ood_->loss);
}

void SplitLosses::resume(const Section& section) {
  if (section.has("valid")) know_valid(section.number("valid"));
  if (section.has("test")) know_test(section.number("test"));
  if (!section.has("ood")) return;
  forget_if_moved();
  ood_ = {section.number("ood"), corpus_.ood.size()};
}

/// What follows is collective, so that all ranks take rank 0's word for whether W has moved.
void SplitLosses::forget_if_moved() {
  const at::Tensor& w = objective_.tuned().flat();
  const bool moved = !w_.defined() || !w_.equal(w);
  if (from_root(moved ? 1.0 : 0.0, comm_) == 0) return;
  w_ = w.clone();
  valid_.reset();
  test_.reset();
  ood_.reset();
}

}  // namespace lift
