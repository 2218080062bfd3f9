#include "src/methods/exchanged_values.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace lift {

ExchangedValues::ExchangedValues(at::Tensor a, at::Tensor b) : a_(std::move(a)), b_(std::move(b)) {
  exchange();
}

ExchangedValues::~ExchangedValues() {
  exchange();
}

void ExchangedValues::exchange() {
  if (a_.const_data_ptr() == b_.const_data_ptr()) return;
  constexpr std::int64_t kPiece = std::int64_t{1} << 20;
  for (std::int64_t begin = 0; begin < a_.numel(); begin += kPiece) {
    const std::int64_t size = std::min(kPiece, a_.numel() - begin);
    at::Tensor of_a = a_.narrow(0, begin, size), of_b = b_.narrow(0, begin, size);
    const at::Tensor held = of_a.clone();
    of_a.copy_(of_b);
    of_b.copy_(held);
  }
}

}  // namespace lift
