#include "src/resume/resume_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "mpi/error.hpp"
#include "mpi/fault.hpp"
#include "src/files/atomic_file.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "resume-";

/// The number in "resume-000012"; nothing for any other name.
std::optional<std::int64_t> number_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!name.starts_with(kPrefix) || !std::ranges::all_of(name.substr(kPrefix.size()), is_digit))
    return std::nullopt;
  std::int64_t number = 0;
  const char* first = name.data() + kPrefix.size();
  const char* last = name.data() + name.size();
  const auto [end, error] = std::from_chars(first, last, number);
  return error == std::errc{} && end == last && first != last ? std::optional(number) : std::nullopt;
}

bool is_published(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "DONE", ignored);
}

void remove_point(const fs::path& folder) {
  std::error_code error;
  fs::remove(folder / "DONE", error);
  if (!error) fs::remove_all(folder, error);
  if (error)
    throw Error(ExitCode::write, fmt::format("{}: cannot be removed: {}", folder.string(), error.message()));
}

}  // namespace

ResumeStore::ResumeStore(fs::path folder, int keep) : folder_(std::move(folder)), keep_(keep) {}

std::vector<fs::path> ResumeStore::all() const {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::error_code error;
  for (fs::directory_iterator item(folder_, error), end; !error && item != end; item.increment(error)) {
    if (const auto number = number_of(item->path())) found.emplace_back(*number, item->path());
  }
  std::ranges::sort(found, std::ranges::greater());
  std::vector<fs::path> folders;
  for (auto& [number, path] : found) folders.push_back(std::move(path));
  return folders;
}

void ResumeStore::publish(ResumePoint point) {
  const auto before = all();
  point.number = before.empty() ? 1 : *number_of(before.front()) + 1;
  make_folder(folder_);
  write_resume_point(folder_ / fmt::format("{}{:06}", kPrefix, point.number), point);
  fault_point("resume-old");
  const auto now = all();
  for (std::size_t k = static_cast<std::size_t>(keep_); k < now.size(); ++k) remove_point(now[k]);
}

std::optional<ResumeStore::Found> ResumeStore::newest(std::vector<std::string>& passed_over) const {
  for (const fs::path& folder : all()) {
    try {
      return Found{folder, read_resume_point(folder)};
    } catch (const Error& error) {
      passed_over.push_back(error.what());
    }
  }
  return std::nullopt;
}

bool ResumeStore::has_published() const {
  return std::ranges::any_of(all(), is_published);
}

void ResumeStore::remove_unpublished() const {
  std::vector<fs::path> drafts;
  for (const fs::path& folder : all()) {
    if (!is_published(folder)) drafts.push_back(folder);
  }
  std::error_code error;
  for (fs::directory_iterator item(folder_, error), end; !error && item != end; item.increment(error)) {
    const std::string name = item->path().filename().string();
    if (name.starts_with(fmt::format(".{}", kPrefix))) drafts.push_back(item->path());
  }
  for (const fs::path& draft : drafts) remove_point(draft);
}

void ResumeStore::clear() const {
  for (const fs::path& folder : all()) remove_point(folder);
}

}  // namespace lift
