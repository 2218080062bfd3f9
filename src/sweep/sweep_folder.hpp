#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "src/files/file_lock.hpp"
#include "src/sweep/point_record.hpp"

namespace lift {

/// The output folder of a sweep.
///
///   sweep.cfg            the file of the sweep as it was read last
///   points/NAME/         the run folder of each point, as `lift run` leaves it
///   state/NAME.json      what became of it (PointRecord)
///   state/NAME.claim     held, as a FileLock, by whoever works on it
///   shared/              what points share while any of them needs it: branches of warm-ups, first results
///
/// Any number of processes may work in it at once: what each does is decided by claims and by these files.
///
/// Collective  never: rank 0 of those that work together has one.
/// Test        tests/src/sweep/test_sweep_folder.cpp
class SweepFolder {
 public:
  explicit SweepFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Throws Error(usage) if the folder holds something else than a sweep.
  void check() const;
  /// Makes it, and keeps `text`, the sweep's file. Throws as check(), Error(write) if it cannot be made.
  void create(const std::string& text) const;
  /// Throws Error(usage) if it is not the folder of a sweep.
  void require_sweep() const;
  [[nodiscard]] bool begun() const;
  /// Whether claims mean anything on its file system: tries one, in a folder that was created.
  [[nodiscard]] bool knows_locks() const;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path file() const { return path_ / "sweep.cfg"; }
  [[nodiscard]] std::filesystem::path run(const std::string& point) const { return path_ / "points" / point; }
  [[nodiscard]] std::filesystem::path shared(const std::string& what) const {
    return path_ / "shared" / what;
  }

  /// The point for the caller alone, for as long as it lives; nullptr where another has it.
  [[nodiscard]] std::unique_ptr<FileLock> claim(const std::string& point) const;
  /// A record that is not whole is one of a point that failed by it.
  [[nodiscard]] PointRecord record(const std::string& point) const;
  void write(const std::string& point, const PointRecord& record) const;  ///< by whoever holds the claim

  struct Seen {
    PointState state = PointState::pending;
    PointRecord record;
  };
  /// How it stands now. A record that says begun where nobody holds the claim is of processes that died.
  [[nodiscard]] Seen look(const std::string& point) const;
  [[nodiscard]] PointState state(const std::string& point) const { return look(point).state; }
  /// What is on disk of its run that it could go on from: words that change as it gets further, also by what
  /// it puts into `memo`, which it shares with others (empty: none). "" without a checkpoint of its own.
  [[nodiscard]] std::string progress(const std::string& point, const std::filesystem::path& memo = {}) const;

 private:
  [[nodiscard]] std::filesystem::path claim_file(const std::string& point) const;
  [[nodiscard]] std::filesystem::path record_file(const std::string& point) const;
  std::filesystem::path path_;
};

}  // namespace lift
