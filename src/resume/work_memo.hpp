#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lift {

/// What an expensive computation gave.
struct MemoEntry {
  std::vector<double> numbers;  ///< losses, and what else came out
  at::Tensor tensor;            ///< float32 or float64 on the CPU; may be undefined
  std::vector<double> work;     ///< what the ranks did for it, four counts each (WorkCount)
  double seconds = 0;           ///< wall time that it took
};

/// Results of the stage of a run that is under way, on disk from the moment they are there.
///
/// A stage that is begun again meets the same computations in the same order, and finds those that were done.
/// Each is named by all that it depends on, the bits of its input tensors included, so that one of another
/// time line is never taken for it. Nothing is synced: what a machine loses when it goes down is found
/// missing, or by its digest, and is done again.
///
/// Method      whether a result is written follows from what is cheaper: to compute it again, or to write it
///             and read it back, by the mean rate of the writes so far. The first is always written.
/// Collective  never: rank 0 alone has one.
/// Test        tests/src/resume/test_work_memo.cpp: every byte of a file changed, a full disk
class WorkMemo {
 public:
  enum class Policy { measured, always, never };
  WorkMemo(std::filesystem::path folder, Policy policy);

  /// The name of a computation: XXH3-128 of `label` and of the inputs' types, sizes and bytes.
  [[nodiscard]] static std::string key(const std::string& label, const std::vector<at::Tensor>& inputs);

  /// What was kept under `key`, if its file is whole.
  [[nodiscard]] std::optional<MemoEntry> find(const std::string& key) const;
  /// Writes `entry`, if that is worth while. A failure is not thrown, since nothing is lost but time: writing
  /// ends, and trouble() tells of it once.
  void keep(const std::string& key, const MemoEntry& entry);
  /// Reason of a failed write, once; "" for none.
  [[nodiscard]] std::string trouble();
  /// Removes everything: the stage is over, or is to be begun afresh.
  void clear();

 private:
  [[nodiscard]] bool worth_while(const MemoEntry& entry) const;
  [[nodiscard]] std::filesystem::path file(const std::string& key) const;

  std::filesystem::path folder_;
  Policy policy_;
  double bytes_written_ = 0;
  double seconds_writing_ = 0;
  std::string trouble_;
};

}  // namespace lift
