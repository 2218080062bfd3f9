#pragma once
#include <filesystem>
#include <string>
#include <string_view>

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
  /// Throws Error(usage), naming what was found, if `path` is a file, or a folder that holds another run or
  /// anything else; Error(write) if the nearest folder above that exists cannot be written to. A folder that
  /// is missing or empty is fine.
  explicit RunFolder(std::filesystem::path path);

  /// Makes the folder with its parents and claims it: of two runs that start in it at once, one gets
  /// Error(usage). Looks again at what is there. Throws Error(write) if the system refuses.
  void create();
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
  bool created_ = false;
};

}  // namespace lift
