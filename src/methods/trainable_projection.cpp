#include "src/methods/trainable_projection.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "src/methods/load_numbers.hpp"
#include "src/search/saved_weights.hpp"

namespace lift {

std::string TpgmOptions::violation() const {
  if (every < 1) return fmt::format("every = {} violates every ≥ 1", every);
  if (updates < 1) return fmt::format("updates = {} violates updates ≥ 1", updates);
  if (!(rate > 0) || !std::isfinite(rate)) return fmt::format("rate = {} violates 0 < rate < ∞", rate);
  if (batch < 1) return fmt::format("batch = {} violates batch ≥ 1", batch);
  return "";
}

TrainableProjection::TrainableProjection(RadialProjection projection, at::Tensor start,
                                         const TpgmOptions& options, RadiusLoss loss,
                                         const Communicator& comm)
    : projection_(std::move(projection)),
      start_(std::move(start)),
      every_(options.every),
      updates_(options.updates),
      evaluate_(std::move(loss)),
      comm_(comm),
      learner_(projection_.tensors().size(), options.rate),
      norms_(projection_.row_count()),
      loss_(std::numeric_limits<double>::quiet_NaN()) {}

void TrainableProjection::update(at::Tensor& theta) {
  measure(theta);
  update_measured(theta);
}

void TrainableProjection::project(at::Tensor& theta) {
  measure(theta);
  project_measured(theta);
}

void TrainableProjection::after_step(at::Tensor& theta) {
  measure(theta);
  if (counts_.steps % every_ == 0)
    for (int update = 0; update < updates_; ++update) update_measured(theta);
  project_measured(theta);
  ++counts_.steps;
}

void TrainableProjection::measure(const at::Tensor& theta) {
  norms_ = projection_.norms(theta, start_);
  largest_ = projection_.largest(norms_);
  learner_.begin(projection_.initial_radii(norms_), largest_);
  learner_.clip(largest_);
  learner_.share(comm_);
}

void TrainableProjection::update_measured(at::Tensor& theta) {
  const SavedWeights saved(theta);
  projection_.project(theta, saved.start(), start_, norms_, learner_.radii());
  const LossAndGradient at_projection = evaluate_(theta, counts_.gradients);
  ++counts_.gradients;
  loss_ = at_projection.loss;
  gradient_ = projection_.radius_gradient(projection_.products(at_projection.gradient, saved.start(), start_),
                                          norms_, learner_.radii());
  learner_.step(gradient_);
  learner_.clip(largest_);
  learner_.share(comm_);
}

void TrainableProjection::project_measured(at::Tensor& theta) {
  projection_.project(theta, theta, start_, norms_, learner_.radii());
  ++counts_.projections;
}

void TrainableProjection::save(Section& section) const {
  learner_.save(section);
  section.put("norms", norms_);
  section.put("radius_loss", loss_);
  section.put("projected_steps", static_cast<double>(counts_.steps));
  section.put("radius_gradients", static_cast<double>(counts_.gradients));
  section.put("projections", static_cast<double>(counts_.projections));
}

void TrainableProjection::resume(const Section& section) {
  learner_.resume(section);
  load_numbers(section, "norms", norms_);
  loss_ = section.number("radius_loss");
  counts_ = {section.count("projected_steps"), section.count("radius_gradients"),
             section.count("projections")};
}

std::vector<TensorRadius> TrainableProjection::report(const std::vector<TunedTensor>& all) const {
  return report_radii(all, projection_, norms_, learner_.radii(), start_);
}

}  // namespace lift
