#include "src/search/saved_weights.hpp"

#include <ATen/ops/add.h>

#include "src/objective/kernel_call.hpp"
#include "src/search/step_kernel.hpp"

namespace lift {

void step_along(at::Tensor& w, const at::Tensor& start, const at::Tensor& direction, double t) {
  if (t == 0) {
    if (!w.is_same(start)) w.copy_(start);
  } else if (has_kernels(w) && has_kernels(start) && has_kernels(direction)) {
    launch_kernels(w, [&]<typename Real>(Real, void* stream) {
      step_on_device(w.data_ptr<Real>(), start.data_ptr<Real>(), direction.data_ptr<Real>(),
                     static_cast<Real>(t), w.numel(), stream);
    });
    w.unsafeGetTensorImpl()->bump_version();  // as ATen does: no graph may still need the old W
  } else {
    at::add_out(w, start, direction, t);
  }
}

}  // namespace lift
