#include "tests/support/shared.hpp"

#include <cstdlib>
#include <system_error>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"

namespace lift {

namespace {

std::string make_folder() {
  std::string pattern = std::filesystem::temp_directory_path() / "lift-test-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    throw Error(ExitCode::write, pattern + ": cannot make a temporary folder");
  }
  return pattern;
}

void remove_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

}  // namespace

std::filesystem::path shared_folder() {
  if (const char* named = std::getenv("LIFT_SHARED"); named != nullptr) return named;
  return std::filesystem::path(LIFT_SOURCE_DIR).parent_path() / "shared";
}

OwnFolder::OwnFolder() : path_(make_folder()) {}

OwnFolder::~OwnFolder() {
  remove_folder(path_);
}

TempFolder::TempFolder(const Communicator& comm) : comm_(comm) {
  std::string name;
  agree(comm, [&] {
    if (comm.is_root()) name = make_folder();
  });
  broadcast(name, 0, comm);
  path_ = name;
}

TempFolder::~TempFolder() {
  MPI_Barrier(comm_.handle());
  if (comm_.is_root()) remove_folder(path_);
}

}  // namespace lift
