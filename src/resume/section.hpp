#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lift {

/// What one part of a run needs in order to go on: tensors, numbers and texts by name.
///
/// Types       tensors float32 or float64; numbers are float64 and come back to the last bit, NaN and
///             infinities too; whole numbers below 2^53.
/// Ownership   a tensor on the CPU is not copied: what is put in must not change before it is written.
/// Throws      what reads: Error(input) naming what is missing, or is of another size than is expected.
/// Test        tests/src/resume/test_section.cpp
class Section {
 public:
  /// `keeps`: false for a rank that writes nothing, whose tensors are dropped.
  explicit Section(bool keeps = true) : keeps_(keeps) {}

  void put(const std::string& name, const at::Tensor& tensor);
  void put(const std::string& name, std::span<const double> numbers);
  void put(const std::string& name, double number);
  void put_text(const std::string& name, std::string text);

  [[nodiscard]] bool has(const std::string& name) const;
  [[nodiscard]] const at::Tensor& tensor(const std::string& name) const;
  /// Copies the tensor into one of equal shape and type, on any device.
  void load(const std::string& name, at::Tensor& into) const;
  [[nodiscard]] std::vector<double> numbers(const std::string& name) const;
  [[nodiscard]] double number(const std::string& name) const;
  [[nodiscard]] std::int64_t count(const std::string& name) const;
  [[nodiscard]] const std::string& text(const std::string& name) const;

  [[nodiscard]] const std::map<std::string, at::Tensor>& tensors() const noexcept { return tensors_; }
  [[nodiscard]] const std::map<std::string, std::string>& texts() const noexcept { return texts_; }

 private:
  bool keeps_;
  std::map<std::string, at::Tensor> tensors_;
  std::map<std::string, std::string> texts_;
};

}  // namespace lift
