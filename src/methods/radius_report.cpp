#include "src/methods/radius_report.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "src/methods/load_numbers.hpp"

namespace lift {
namespace {

double sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TensorRadius record_of(const TunedTensor& tensor, double radius, std::span<const double> norms,
                       std::span<const double> factors, double start_norm) {
  TensorRadius record{.name = tensor.name, .block = tensor.block, .status = RadiusStatus::unmoved};
  if (!std::isfinite(radius)) return record;
  record.status = RadiusStatus::learned;
  record.rows = std::ssize(norms);
  record.active_rows = std::ranges::count_if(factors, [](double factor) { return factor < 1; });
  record.distance = std::ranges::max(norms);
  record.radius = radius;
  record.ratio = std::ranges::min(factors);
  const double before = sum(norms);
  record.kept =
      before > 0 ? std::inner_product(norms.begin(), norms.end(), factors.begin(), 0.0) / before : 1;
  record.start_norm = start_norm;
  return record;
}

}  // namespace

std::vector<TensorRadius> report_radii(const std::vector<TunedTensor>& all,
                                       const RadialProjection& projection, std::span<const double> norms,
                                       std::span<const double> radii, const at::Tensor& start) {
  const auto factors = projection.factors(norms, radii);
  const auto start_norms = projection.largest(projection.norms(start, {}));
  std::map<std::string, TensorRadius> records;
  for (std::size_t k = 0; k < projection.tensors().size(); ++k) {
    const TunedTensor& tensor = projection.tensors()[k];
    records[tensor.name] = record_of(tensor, radii[k], projection.rows_of(norms, k),
                                     projection.rows_of(factors, k), start_norms[k]);
  }
  std::vector<TensorRadius> result;
  for (const TunedTensor& tensor : all) {
    const auto found = records.find(tensor.name);
    result.push_back(found != records.end() ? found->second
                                            : TensorRadius{.name = tensor.name, .block = tensor.block});
  }
  return result;
}

namespace {

constexpr std::size_t kNumbers = 8;  ///< of a record

}  // namespace

void save_radii(Section& section, const std::vector<TensorRadius>& radii) {
  if (radii.empty()) return;
  std::vector<double> numbers;
  for (const TensorRadius& radius : radii)
    numbers.insert(numbers.end(), {static_cast<double>(radius.status), static_cast<double>(radius.rows),
                                   static_cast<double>(radius.active_rows), radius.distance, radius.radius,
                                   radius.ratio, radius.kept, radius.start_norm});
  section.put("radius_records", numbers);
}

std::vector<TensorRadius> load_radii(const Section& section, const std::vector<TunedTensor>& all) {
  if (!section.has("radius_records")) return {};
  std::vector<double> numbers(kNumbers * all.size());
  load_numbers(section, "radius_records", numbers);
  std::vector<TensorRadius> radii;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const double* record = numbers.data() + kNumbers * k;
    radii.push_back({.name = all[k].name,
                     .block = all[k].block,
                     .status = static_cast<RadiusStatus>(record[0]),
                     .rows = static_cast<std::int64_t>(record[1]),
                     .active_rows = static_cast<std::int64_t>(record[2]),
                     .distance = record[3],
                     .radius = record[4],
                     .ratio = record[5],
                     .kept = record[6],
                     .start_norm = record[7]});
  }
  return radii;
}

}  // namespace lift
