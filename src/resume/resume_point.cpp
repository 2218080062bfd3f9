#include "src/resume/resume_point.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "mpi/error.hpp"
#include "mpi/fault.hpp"
#include "src/files/atomic_file.hpp"
#include "src/files/file_digest.hpp"
#include "src/model/atomic_folder.hpp"
#include "src/model/safetensors.hpp"
#include "src/model/stored_tensor.hpp"

namespace lift {
namespace {

constexpr int kSchema = 1;
constexpr const char* kState = "state.safetensors";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kDone = "DONE";

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw Error(ExitCode::input, fmt::format("{}: {}", file.string(), what));
}

void write_state(const std::filesystem::path& file, const ResumePoint& point) {
  std::vector<TensorToWrite> tensors;
  for (const auto& [part, section] : point.sections) {
    for (const auto& [name, tensor] : section.tensors())
      tensors.push_back(
          {part + "/" + name, stored_type(tensor.scalar_type()), tensor.sizes().vec(), bytes_of(tensor)});
  }
  write_safetensors(file, tensors);
}

std::string manifest_of(const ResumePoint& point, const FileDigest& state) {
  nlohmann::ordered_json texts = nlohmann::ordered_json::object();
  for (const auto& [part, section] : point.sections) {
    texts[part] = nlohmann::ordered_json::object();
    for (const auto& [name, text] : section.texts()) texts[part][name] = text;
  }
  const nlohmann::ordered_json manifest = {
      {"schema", kSchema},
      {"number", point.number},
      {"where", point.where},
      {"ranks", point.ranks},
      {"written", point.written},
      {"files", {{kState, {{"bytes", state.bytes}, {"xxh3_128", state.xxh3_128}}}}},
      {"identity", point.identity},
      {"texts", std::move(texts)}};
  return manifest.dump(1) + "\n";
}

/// Texts of the sections, and all of the point but its tensors.
ResumePoint from_manifest(const nlohmann::json& manifest) {
  ResumePoint point{.number = manifest.at("number").get<std::int64_t>(),
                    .where = manifest.at("where").get<std::string>(),
                    .ranks = manifest.at("ranks").get<int>(),
                    .written = manifest.at("written").get<std::string>(),
                    .identity = manifest.at("identity").get<std::map<std::string, std::string>>(),
                    .sections = {}};
  for (const auto& [part, texts] : manifest.at("texts").items()) {
    Section& section = point.sections[part];
    for (const auto& [name, text] : texts.items()) section.put_text(name, text.get<std::string>());
  }
  return point;
}

void add_tensors(const std::filesystem::path& file, ResumePoint& point) {
  const SafetensorsFile state(file);
  for (const auto& [name, entry] : state.entries()) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) refuse(file, fmt::format("tensor '{}' belongs to no section", name));
    point.sections[name.substr(0, slash)].put(name.substr(slash + 1), to_tensor(entry));
  }
}

}  // namespace

void write_resume_point(const std::filesystem::path& folder, const ResumePoint& point) {
  AtomicFolder published(folder, {kState, kManifest, kDone});
  const std::filesystem::path& draft = published.draft();
  write_state(draft / kState, point);
  fault_point("resume-state");
  write_file(draft / kManifest, manifest_of(point, digest_file(draft / kState)));
  const std::string manifest_digest = digest_file(draft / kManifest).xxh3_128;
  published.commit();
  try {
    fault_point("resume-done");
    write_file(folder / kDone, manifest_digest + "\n");
  } catch (const Error&) {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    throw;
  }
}

ResumePoint read_resume_point(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder / kDone, ignored))
    refuse(folder, "has no DONE: its writing was cut off");
  const std::string digest = read_file(folder / kDone);
  if (digest != digest_file(folder / kManifest).xxh3_128 + "\n")
    refuse(folder / kManifest, "is not the file that DONE was made for");
  try {
    const auto manifest = nlohmann::json::parse(read_file(folder / kManifest));
    if (manifest.at("schema") != kSchema)
      refuse(folder / kManifest,
             fmt::format("has schema {}, expected {}", manifest.at("schema").dump(), kSchema));
    const auto& file = manifest.at("files").at(kState);
    const FileDigest expected{file.at("bytes").get<std::int64_t>(), file.at("xxh3_128").get<std::string>()};
    if (digest_file(folder / kState) != expected)
      refuse(folder / kState, "is not the file that manifest.json was made for");
    ResumePoint point = from_manifest(manifest);
    add_tensors(folder / kState, point);
    return point;
  } catch (const nlohmann::json::exception& error) {
    refuse(folder / kManifest, error.what());
  }
}

}  // namespace lift
