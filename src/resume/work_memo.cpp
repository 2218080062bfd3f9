#include "src/resume/work_memo.hpp"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "mpi/error.hpp"
#include "mpi/fault.hpp"
#include "src/files/atomic_file.hpp"
#include "src/model/safetensors.hpp"
#include "src/model/stored_tensor.hpp"
#include "src/text/content_hash.hpp"

namespace lift {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void add(ContentHash& hash, const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kCPU).contiguous();
  hash.add_number(static_cast<std::int64_t>(host.scalar_type()));
  hash.add_text(text_of(bytes_of(host)));
}

std::span<const std::byte> bytes_of_numbers(const std::vector<double>& numbers) {
  return std::as_bytes(std::span(numbers));
}

/// Of all that a file holds, its own name included.
std::string digest_of(const std::string& key, std::span<const std::byte> numbers,
                      std::span<const std::byte> work, std::span<const std::byte> tensor) {
  ContentHash hash;
  hash.add_text(key);
  for (const auto part : {numbers, work, tensor}) hash.add_text(text_of(part));
  return hash.hex();
}

std::vector<double> numbers_of(const SafetensorsFile::Entry& entry) {
  std::vector<double> numbers(entry.bytes.size() / sizeof(double));
  std::ranges::copy(entry.bytes, std::as_writable_bytes(std::span(numbers)).begin());
  return numbers;
}

std::vector<std::int64_t> length(std::size_t size) {
  return {static_cast<std::int64_t>(size)};
}

}  // namespace

WorkMemo::WorkMemo(std::filesystem::path folder, Policy policy)
    : folder_(std::move(folder)), policy_(policy) {}

std::string WorkMemo::key(const std::string& label, const std::vector<at::Tensor>& inputs) {
  ContentHash hash;
  hash.add_text(label);
  for (const at::Tensor& input : inputs) add(hash, input);
  return hash.hex();
}

std::filesystem::path WorkMemo::file(const std::string& key) const {
  return folder_ / (key + ".safetensors");
}

std::optional<MemoEntry> WorkMemo::find(const std::string& key) const {
  std::error_code ignored;
  if (policy_ == Policy::never || !std::filesystem::exists(file(key), ignored)) return std::nullopt;
  try {
    const SafetensorsFile stored(file(key));
    const auto& numbers = stored.at("numbers");
    const auto& work = stored.at("work");
    const auto& digest = stored.at("digest");
    const bool has_tensor = stored.entries().contains("tensor");
    const auto tensor = has_tensor ? stored.at("tensor").bytes : std::span<const std::byte>();
    if (text_of(digest.bytes) != digest_of(key, numbers.bytes, work.bytes, tensor)) return std::nullopt;
    MemoEntry entry{.numbers = numbers_of(numbers), .tensor = {}, .work = numbers_of(work)};
    if (has_tensor) entry.tensor = to_tensor(stored.at("tensor"));
    return entry;
  } catch (const Error&) {  // a file that is not whole is one that is not there
    return std::nullopt;
  }
}

bool WorkMemo::worth_while(const MemoEntry& entry) const {
  if (policy_ != Policy::measured) return policy_ == Policy::always;
  if (bytes_written_ == 0 || !entry.tensor.defined()) return true;
  const double rate = bytes_written_ / std::max(seconds_writing_, 1e-9);
  return 2 * static_cast<double>(entry.tensor.nbytes()) / rate < entry.seconds;
}

void WorkMemo::keep(const std::string& key, const MemoEntry& entry) {
  if (!worth_while(entry)) return;
  const auto start = std::chrono::steady_clock::now();
  const auto numbers = bytes_of_numbers(entry.numbers), work = bytes_of_numbers(entry.work);
  const auto tensor = entry.tensor.defined() ? bytes_of(entry.tensor) : std::span<const std::byte>();
  const std::string digest = digest_of(key, numbers, work, tensor);
  std::vector<TensorToWrite> parts = {
      {"numbers", StoredType::f64, length(entry.numbers.size()), numbers},
      {"work", StoredType::f64, length(entry.work.size()), work},
      {"digest", StoredType::u8, length(digest.size()), std::as_bytes(std::span(digest))}};
  if (entry.tensor.defined())
    parts.push_back({"tensor", stored_type(entry.tensor.scalar_type()), entry.tensor.sizes().vec(), tensor});
  try {
    fault_point("memo");
    make_folder(folder_);
    write_safetensors(file(key), parts, Durability::of_the_process);
  } catch (const Error& error) {
    if (error.code() != ExitCode::write) throw;
    policy_ = Policy::never;
    trouble_ = error.what();
    return;
  }
  if (!entry.tensor.defined()) return;
  bytes_written_ += static_cast<double>(tensor.size());
  seconds_writing_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string WorkMemo::trouble() {
  return std::exchange(trouble_, "");
}

void WorkMemo::clear() {
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
  if (error)
    throw Error(ExitCode::write, fmt::format("{}: cannot be removed: {}", folder_.string(), error.message()));
}

}  // namespace lift
