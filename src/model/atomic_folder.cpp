#include "src/model/atomic_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& folder, const std::string& what) {
  throw Error(ExitCode::write, fmt::format("{}: {}", folder.string(), what));
}

/// "out/model/" as "out/model", so that the name beside it is not one inside it.
fs::path without_trailing_slash(const fs::path& folder) {
  const fs::path normal = folder.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

void check_replaceable(const fs::path& folder, const std::vector<std::string>& replaceable) {
  if (!fs::is_directory(folder)) refuse(folder, "is there already and is not a folder");
  for (const auto& item : fs::directory_iterator(folder)) {
    const std::string name = item.path().filename().string();
    if (std::find(replaceable.begin(), replaceable.end(), name) == replaceable.end()) {
      refuse(folder, fmt::format("is there already and holds '{}', which would be lost", name));
    }
  }
}

/// Exchanges two folders; false if the file system cannot.
bool exchange(const fs::path& a, const fs::path& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace

AtomicFolder::AtomicFolder(const fs::path& folder, const std::vector<std::string>& replaceable)
    : folder_(without_trailing_slash(folder)), draft_(temporary_beside(folder_)) {
  try {
    if (fs::exists(folder_)) check_replaceable(folder_, replaceable);
    fs::create_directories(folder_of(folder_));
    fs::remove_all(draft_);
    fs::create_directory(draft_);
  } catch (const fs::filesystem_error& error) {
    refuse(folder_, fmt::format("cannot be made: {}", error.code().message()));
  }
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  fs::remove_all(draft_, ignored);
}

void AtomicFolder::commit() {
  sync_folder(draft_);
  try {
    if (!fs::exists(folder_)) {
      fs::rename(draft_, folder_);
    } else if (!exchange(draft_, folder_)) {
      const fs::path old = draft_.string() + ".old";
      fs::rename(folder_, old);
      fs::rename(draft_, folder_);
      fs::rename(old, draft_);
    }
  } catch (const fs::filesystem_error& error) {
    refuse(folder_, fmt::format("cannot be renamed into place: {}", error.code().message()));
  }
  sync_folder(folder_of(folder_));
}

}  // namespace lift
