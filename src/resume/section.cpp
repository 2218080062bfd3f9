#include "src/resume/section.hpp"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>

#include "mpi/error.hpp"

namespace lift {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(ExitCode::input, fmt::format("'{}' of a checkpoint {}", name, what));
}

}  // namespace

void Section::put(const std::string& name, const at::Tensor& tensor) {
  const bool stored = tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble;
  if (!stored) throw Error(ExitCode::internal, fmt::format("'{}' has a type that no checkpoint holds", name));
  if (keeps_) tensors_[name] = tensor.detach().to(at::kCPU).contiguous();
}

void Section::put(const std::string& name, std::span<const double> numbers) {
  at::Tensor tensor = at::empty({std::ssize(numbers)}, at::TensorOptions(at::kDouble));
  std::ranges::copy(numbers, tensor.data_ptr<double>());
  tensors_[name] = tensor;
}

void Section::put(const std::string& name, double number) {
  put(name, std::span(&number, 1));
}

void Section::put_text(const std::string& name, std::string text) {
  texts_[name] = std::move(text);
}

bool Section::has(const std::string& name) const {
  return tensors_.contains(name) || texts_.contains(name);
}

const at::Tensor& Section::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) refuse(name, "is missing");
  return found->second;
}

void Section::load(const std::string& name, at::Tensor& into) const {
  const at::Tensor& stored = tensor(name);
  if (stored.sizes() != into.sizes() || stored.scalar_type() != into.scalar_type())
    refuse(name,
           fmt::format("has {} numbers of {}, expected {} of {}", stored.numel(),
                       c10::toString(stored.scalar_type()), into.numel(), c10::toString(into.scalar_type())));
  into.copy_(stored);
}

std::vector<double> Section::numbers(const std::string& name) const {
  const at::Tensor& stored = tensor(name);
  if (stored.scalar_type() != at::kDouble || stored.dim() != 1) refuse(name, "is not a list of numbers");
  const auto* first = stored.const_data_ptr<double>();
  return {first, first + stored.numel()};
}

double Section::number(const std::string& name) const {
  const auto list = numbers(name);
  if (list.size() != 1) refuse(name, fmt::format("has {} numbers, expected 1", list.size()));
  return list.front();
}

std::int64_t Section::count(const std::string& name) const {
  return static_cast<std::int64_t>(number(name));
}

const std::string& Section::text(const std::string& name) const {
  const auto found = texts_.find(name);
  if (found == texts_.end()) refuse(name, "is missing");
  return found->second;
}

}  // namespace lift
