#include "src/resume/broadcast_point.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <array>
#include <nlohmann/json.hpp>

#include "mpi/collectives.hpp"
#include "src/objective/distributed.hpp"

namespace lift {
namespace {

/// Names, shapes and types of all tensors, and all texts: what the other ranks need to make room.
std::string outline_of(const ResumePoint& point) {
  nlohmann::ordered_json outline = nlohmann::ordered_json::object();
  for (const auto& [part, section] : point.sections) {
    auto& entry = outline[part] = {{"tensors", nlohmann::ordered_json::object()}, {"texts", section.texts()}};
    for (const auto& [name, tensor] : section.tensors())
      entry["tensors"][name] = {tensor.scalar_type() == at::kDouble, tensor.sizes().vec()};
  }
  return outline.dump();
}

ResumePoint from_outline(const std::string& text) {
  ResumePoint point;
  const auto outline = nlohmann::json::parse(text);
  for (const auto& [part, entry] : outline.items()) {
    Section& section = point.sections[part];
    for (const auto& [name, value] : entry.at("texts").items())
      section.put_text(name, value.template get<std::string>());
    for (const auto& [name, shape] : entry.at("tensors").items()) {
      const auto type = shape.at(0).template get<bool>() ? at::kDouble : at::kFloat;
      section.put(name,
                  at::empty(shape.at(1).template get<std::vector<std::int64_t>>(), at::TensorOptions(type)));
    }
  }
  return point;
}

}  // namespace

void broadcast(ResumePoint& point, const Communicator& comm) {
  if (comm.size() == 1) return;
  std::string outline = outline_of(point);
  broadcast(outline, 0, comm);
  if (!comm.is_root()) point.sections = from_outline(outline).sections;
  for (const auto& [part, section] : point.sections) {
    for (const auto& [name, tensor] : section.tensors()) {
      at::Tensor shared = tensor;
      if (shared.numel() > 0) broadcast(shared, 0, comm);
    }
  }
}

void broadcast(std::optional<MemoEntry>& entry, const Communicator& comm) {
  std::array<std::int64_t, 5> outline{};  // found, numbers, work, entries of the tensor (−1: none), wide
  if (comm.is_root() && entry) {
    const bool has_tensor = entry->tensor.defined();
    outline = {1, std::ssize(entry->numbers), std::ssize(entry->work),
               has_tensor ? entry->tensor.numel() : -1,
               has_tensor && entry->tensor.scalar_type() == at::kDouble ? 1 : 0};
  }
  broadcast(host_buffer(std::span<std::int64_t>(outline)), 0, comm);
  const auto [found, numbers, work, count, wide] = outline;
  if (found == 0) return;
  if (!comm.is_root()) {
    entry.emplace();
    entry->numbers.resize(static_cast<std::size_t>(numbers));
    entry->work.resize(static_cast<std::size_t>(work));
    if (count >= 0)
      entry->tensor = at::empty({count}, at::TensorOptions(wide != 0 ? at::kDouble : at::kFloat));
  }
  broadcast(host_buffer(std::span<double>(entry->numbers)), 0, comm);
  broadcast(host_buffer(std::span<double>(entry->work)), 0, comm);
  if (count > 0) broadcast(entry->tensor, 0, comm);
}

}  // namespace lift
