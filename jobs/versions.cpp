#include "jobs/versions.hpp"

#include <ATen/Version.h>
#include <fmt/format.h>
#include <unicode/uversion.h>

#include <array>
#include <boost/version.hpp>

#include "mpi/device.hpp"
#include "solvers/session.hpp"
#include "src/report/provenance.hpp"

namespace lift {
namespace {

std::string boost_version() {
  return fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100);
}

std::string icu_version() {
  UVersionInfo numbers;
  std::array<char, U_MAX_VERSION_STRING_LENGTH> text{};
  u_getVersion(numbers);
  u_versionToString(numbers, text.data());
  return text.data();
}

/// LibTorch says its version at run time only among its build settings, as "…, TORCH_VERSION=2.11.0, …".
std::string torch_version() {
  constexpr std::string_view kKey = "TORCH_VERSION=";
  const std::string settings = at::show_config();
  const std::size_t key = settings.find(kKey);
  if (key == std::string::npos) return "unknown";
  const std::size_t begin = key + kKey.size();
  return settings.substr(begin, settings.find_first_of(", \n", begin) - begin);
}

}  // namespace

std::map<std::string, std::string> library_versions() {
  std::map<std::string, std::string> versions = begin_provenance({}, {}).libraries;
  const SolverVersions solvers = solver_versions();
  versions["petsc"] = solvers.petsc;
  versions["slepc"] = solvers.slepc;
  versions["libtorch"] = torch_version();
  versions["boost"] = boost_version();
  versions["icu"] = icu_version();
  return versions;
}

std::string version_text() {
  const BuildStamp build = build_stamp();
  std::string text = fmt::format("lift {}\ncommit    {}\ncompiler  {} ({})\nlibraries as loaded\n",
                                 build.version, build.commit, build.compiler, build.build_type);
  for (const auto& [name, version] : library_versions()) text += fmt::format("  {:<14}{}\n", name, version);
  return text;
}

}  // namespace lift
