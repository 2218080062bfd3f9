#include "src/report/provenance.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <link.h>
#include <mpi.h>
#include <spdlog/version.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "src/files/file_digest.hpp"
#include "src/report/json_text.hpp"

namespace lift {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kSlurmVariables = {
    "SLURM_CLUSTER_NAME", "SLURM_JOB_ID",        "SLURM_JOB_NAME",      "SLURM_JOB_PARTITION",
    "SLURM_JOB_NODELIST", "SLURM_ARRAY_JOB_ID",  "SLURM_ARRAY_TASK_ID", "SLURM_STEP_ID",
    "SLURM_NTASKS",       "SLURM_RESTART_COUNT",
};

/// "Open MPI v4.1.4" of "Open MPI v4.1.4, package: …".
std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  const std::string version(text.data(), static_cast<std::size_t>(length));
  return version.substr(0, version.find_first_of(",\n"));
}

std::string xxhash_version() {
  const unsigned number = XXH_versionNumber();
  return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
}

std::map<std::string, std::string> own_libraries() {
  return {{"mpi", mpi_version()},
          {"xxhash", xxhash_version()},
          {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
          {"spdlog", fmt::format("{}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
          {"nlohmann_json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                        NLOHMANN_JSON_VERSION_PATCH)}};
}

int add_file_name(dl_phdr_info* info, std::size_t /*size*/, void* names) {
  std::error_code error;
  const auto file = std::filesystem::canonical(info->dlpi_name, error);
  if (!error) static_cast<std::set<std::string>*>(names)->insert(file.filename().string());
  return 0;
}

std::vector<std::string> shared_objects() {
  std::set<std::string> names;
  dl_iterate_phdr(add_file_name, &names);
  return {names.begin(), names.end()};
}

std::map<std::string, std::string> slurm_variables() {
  std::map<std::string, std::string> found;
  for (const char* name : kSlurmVariables) {
    if (const char* value = std::getenv(name)) found[name] = value;
  }
  return found;
}

Json to_object(const Binding& binding) {
  return {{"rank", binding.rank},      {"local_rank", binding.local_rank},
          {"host", binding.host},      {"device", binding.device < 0 ? Json() : Json(binding.device)},
          {"name", binding.name},      {"uuid", binding.uuid.empty() ? Json() : Json(binding.uuid)},
          {"threads", binding.threads}};
}

Json to_object(const InputFile& input) {
  return {{"path", input.path}, {"bytes", input.bytes}, {"xxh3_128", input.xxh3_128}};
}

template <typename T>
Json list(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(to_object(value));
  return array;
}

/// Each host once, in the order of the ranks.
std::vector<std::string> hosts(const std::vector<Binding>& devices) {
  std::vector<std::string> names;
  for (const Binding& binding : devices) {
    if (std::find(names.begin(), names.end(), binding.host) == names.end()) names.push_back(binding.host);
  }
  return names;
}

}  // namespace

InputFile hash_file(const std::filesystem::path& file) {
  const FileDigest digest = digest_file(file);
  return {file.string(), digest.bytes, digest.xxh3_128};
}

void hash_folder(const std::filesystem::path& folder, Provenance& provenance) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) provenance.inputs.push_back(hash_file(entry.path()));
  }
}

Provenance begin_provenance(std::vector<std::string> command_line, std::vector<Binding> devices) {
  return {.build = build_stamp(),
          .libraries = own_libraries(),
          .shared_objects = shared_objects(),
          .command_line = std::move(command_line),
          .ranks = static_cast<int>(devices.size()),
          .threads = devices.empty() ? 1 : devices.front().threads,
          .devices = std::move(devices),
          .inputs = {},
          .slurm = slurm_variables(),
          .earlier = {},
          .started = utc_time(std::chrono::system_clock::now()),
          .ended = {}};
}

std::string to_json(const Provenance& provenance) {
  return readable_json({{"schema", 1},
                        {"version", provenance.build.version},
                        {"commit", provenance.build.commit},
                        {"compiler", provenance.build.compiler},
                        {"build_type", provenance.build.build_type},
                        {"libraries", provenance.libraries},
                        {"shared_objects", provenance.shared_objects},
                        {"command_line", provenance.command_line},
                        {"ranks", provenance.ranks},
                        {"threads", provenance.threads},
                        {"hosts", hosts(provenance.devices)},
                        {"devices", list(provenance.devices)},
                        {"inputs", list(provenance.inputs)},
                        {"slurm", provenance.slurm},
                        {"earlier_sessions", provenance.earlier},
                        {"started", provenance.started},
                        {"ended", provenance.ended.empty() ? Json() : Json(provenance.ended)}});
}

std::string utc_time(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

}  // namespace lift
