#pragma once
#include <filesystem>
#include <string>

#include "mpi/communicator.hpp"

namespace lift {

/// The folder with real data and models: the environment's LIFT_SHARED, else `shared` beside the sources. It
/// may be absent; a test that needs it then skips, saying so.
std::filesystem::path shared_folder();

/// A fresh folder of this process alone, removed with all it holds at the end; needs no MPI.
///
/// Throws  Error(write) if it cannot be made.
class OwnFolder {
 public:
  OwnFolder();
  ~OwnFolder();
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// A fresh folder that all ranks see, removed with all it holds at the end.
///
/// Collective  constructor and destructor on `comm`, which must outlive it: rank 0 makes and removes it.
/// Throws      AgreedError if it cannot be made.
class TempFolder {
 public:
  explicit TempFolder(const Communicator& comm);
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  const Communicator& comm_;
  std::filesystem::path path_;
};

}  // namespace lift
