#include "src/methods/descent_rule.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>

#include <cmath>

#include "src/training/vectors.hpp"

namespace lift {

Descent::Descent(const at::Tensor& w, DescentRule rule) {
  if (rule == DescentRule::adam) adam_.emplace(w, Adam::Options{});
}

double Descent::step(at::Tensor& w, const at::Tensor& gradient, double rate, const Projection& project) {
  at::Tensor moved;
  double residual = 0;
  if (project) {
    moved = w.sub(gradient, rate);
    project(moved);
    residual = norm64(w - moved) / rate;
  } else {
    residual = norm64(gradient);
  }
  if (!std::isfinite(residual)) return residual;
  if (adam_) {
    adam_->step(w, gradient, rate);
    if (project) project(w);
  } else if (project) {
    w.copy_(moved);
  } else {
    w.sub_(gradient, rate);
  }
  return residual;
}

void Descent::save(Section& section, const std::string& prefix) const {
  if (!adam_) return;
  section.put(prefix + "steps", static_cast<double>(adam_->steps()));
  section.put(prefix + "first_moments", adam_->moments().first);
  section.put(prefix + "second_moments", adam_->moments().second);
}

void Descent::resume(const Section& section, const std::string& prefix) {
  if (!adam_) return;
  at::Tensor first = at::empty_like(adam_->moments().first), second = at::empty_like(first);
  section.load(prefix + "first_moments", first);
  section.load(prefix + "second_moments", second);
  adam_->resume(first, second, section.count(prefix + "steps"));
}

}  // namespace lift
