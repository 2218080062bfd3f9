#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "src/files/file_lock.hpp"

namespace lift {

/// The output folder of a run: config.cfg, provenance.json, log.txt, metrics.jsonl, result.json,
/// checkpoints/, model/, figures/.
///
/// Construction only looks, so that a run that fails before it has anything to write leaves no folder;
/// create() makes it. Subfolders are made when something is about to go into them.
///
/// Collective  never: construct, create and write on rank 0, inside agree(); the paths are good on any rank.
/// Test        tests/src/report/test_run_folder.cpp
class RunFolder {
 public:
  enum class Use { fresh, resumed };
  /// Throws Error(usage), naming what was found, if `path` is a file, or a folder that holds another run or
  /// anything else; Error(write) if the nearest folder above that exists cannot be written to. A folder that
  /// is missing or empty is fine.
  /// To be resumed, it may be one that a run has begun to fill, and nothing else; it is claimed then at once.
  explicit RunFolder(std::filesystem::path path, Use use = Use::fresh);

  /// Makes the folder with its parents and claims it for as long as this lives: of two runs in it at once,
  /// one gets Error(usage). Looks again at what is there. Throws Error(write) if the system refuses.
  void create();
  /// Whether a run has begun in it, and whether one has come to its end.
  [[nodiscard]] bool begun() const;
  [[nodiscard]] bool done() const;
  [[nodiscard]] bool created() const noexcept { return created_; }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path config() const { return path_ / "config.cfg"; }
  [[nodiscard]] std::filesystem::path provenance() const { return path_ / "provenance.json"; }
  [[nodiscard]] std::filesystem::path log() const { return path_ / "log.txt"; }
  [[nodiscard]] std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  [[nodiscard]] std::filesystem::path result() const { return path_ / "result.json"; }
  [[nodiscard]] std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  [[nodiscard]] std::filesystem::path model() const { return path_ / "model"; }
  [[nodiscard]] std::filesystem::path figures() const { return path_ / "figures"; }

 private:
  std::filesystem::path path_;
  Use use_;
  void claim();
  std::shared_ptr<FileLock> claim_;
  bool created_ = false;
};

}  // namespace lift
