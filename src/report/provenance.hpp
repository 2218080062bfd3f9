#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "mpi/device.hpp"

namespace lift {

/// What this executable was built from.
struct BuildStamp {
  std::string version;     ///< "0.1.0"
  std::string commit;      ///< of the source, "-dirty" if changed; "unknown" outside git
  std::string compiler;    ///< "GNU 12.2.0"
  std::string build_type;  ///< "Release"
};
[[nodiscard]] BuildStamp build_stamp();

/// One file that the run read.
struct InputFile {
  std::string path;
  std::int64_t bytes = 0;
  std::string xxh3_128;  ///< 32 hexadecimal digits
};
/// Size and XXH3-128 of a file, as `xxhsum -H2` prints it. Throws Error(input) naming the file and the
/// reason. Cost one read of the file. Test tests/src/report/test_provenance.cpp
[[nodiscard]] InputFile hash_file(const std::filesystem::path& file);

/// Where a result comes from: provenance.json.
///
/// Test  tests/src/report/test_provenance.cpp
struct Provenance {
  BuildStamp build;
  std::map<std::string, std::string> libraries;  ///< versions as loaded, by name: "petsc" → "3.18.5"
  std::vector<std::string> shared_objects;       ///< file names of those in the process at its start
  std::vector<std::string> command_line;
  int ranks = 1;
  int threads = 1;               ///< a rank
  std::vector<Binding> devices;  ///< rank → host → device
  std::vector<InputFile> inputs;
  std::map<std::string, std::string> slurm;  ///< the SLURM_* variables that name the job; empty outside Slurm
  std::vector<std::string> earlier;  ///< a line each: sessions that the run was left in, before this one
  std::string started;               ///< ISO 8601, UTC
  std::string ended;                 ///< empty while the run goes on: null in the file
};

/// Adds the files that lie in `folder` to the inputs. Throws and costs as hash_file.
void hash_folder(const std::filesystem::path& folder, Provenance& provenance);

/// Build stamp, start time, Slurm's variables, ranks and threads of `devices`, and the versions of the
/// libraries that this layer itself has loaded (MPI, fmt, spdlog, nlohmann_json, xxhash); the caller adds
/// those of its own.
[[nodiscard]] Provenance begin_provenance(std::vector<std::string> command_line,
                                          std::vector<Binding> devices);

/// provenance.json as text, indented, ending in a newline.
[[nodiscard]] std::string to_json(const Provenance& provenance);

/// "2026-01-31T12:00:00Z".
[[nodiscard]] std::string utc_time(std::chrono::system_clock::time_point time);

}  // namespace lift
