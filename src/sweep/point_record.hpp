#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace lift {

/// How a point of a sweep stands, for a reader.
enum class PointState {
  pending,    ///< not begun
  running,    ///< somebody works on it now
  preempted,  ///< left, by a signal, a limit or because its processes died: it goes on from its checkpoint
  failed,     ///< ended with an error
  invalid,    ///< what was typed for it is wrong: it was never begun
  done
};
[[nodiscard]] const char* to_string(PointState state) noexcept;  ///< "PENDING", …

/// What a sweep knows of one point beside the run's own folder: a small JSON file with one writer at a time,
/// who holds the point's claim.
///
/// Test  tests/src/sweep/test_point_record.cpp
struct PointRecord {
  /// What was written last. One that is still `begun` when nobody holds the claim belongs to processes that
  /// died.
  enum class Word { none, begun, stopped, failed, invalid, done };
  Word word = Word::none;
  int code = 0;          ///< exit code that the run alone would have ended with
  std::string message;   ///< why it stopped, failed or is invalid; "" else
  int starts = 0;        ///< times that it was begun or went on
  int deaths = 0;        ///< of them, the last in a row that ended without a word and without progress
  std::string progress;  ///< what was on disk of it as it was begun last
  std::int64_t warmup_steps = 0;  ///< Adam steps that were taken for it; those of processes that died not
  std::int64_t taken_over = 0;    ///< results that other points had made
  std::string warmup_from;        ///< "epoch 10 of NAME": where its warm-up began; "" for the beginning
  double seconds = 0;             ///< wall time, without that of processes that died
  std::string began, ended;       ///< of the last start, ISO 8601, UTC; `ended` is empty while it goes on
  std::string where;              ///< host, process and Slurm job of the last start
  int ranks = 0;                  ///< of the last start
  std::string warmup;  ///< name of the shared warm-up that it began as part of; another one is of other ranks
};

/// The record in `file`; one without a word where there is no file. Throws Error(input) naming file and key.
[[nodiscard]] PointRecord read_point_record(const std::filesystem::path& file);
/// Writes it as AtomicFile does. Throws Error(write).
void write_point_record(const std::filesystem::path& file, const PointRecord& record);

}  // namespace lift
