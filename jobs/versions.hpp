#pragma once
#include <map>
#include <string>

namespace lift {

/// Versions of the libraries by name, as loaded where the library can say it at run time (MPI, PETSc, SLEPc,
/// LibTorch, ICU, xxhash, CUDA), else as compiled in (Boost, fmt, spdlog, nlohmann_json).
/// Test tests/jobs/test_versions.cpp
std::map<std::string, std::string> library_versions();

/// What `lift --version` prints: version, commit, compiler, and a line for each library.
std::string version_text();

}  // namespace lift
