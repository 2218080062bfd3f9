#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/resume/resume_store.hpp"
#include "src/resume/section.hpp"
#include "src/resume/stopper.hpp"
#include "src/resume/work_memo.hpp"

namespace lift {

struct CheckpointOptions {
  std::filesystem::path folder;  ///< the checkpoints of the run
  int keep = 2;                  ///< resume points that stay, ≥ 1
  WorkMemo::Policy memo = WorkMemo::Policy::measured;
  StopperOptions stop;
  std::map<std::string, std::string> identity;  ///< what a run that goes on must have in common with this one
  std::string go_on = "the same command with --resume goes on";  ///< what one who is stopped is told
  std::filesystem::path shared_memo = {};  ///< a memo of several runs (share()); empty: none
  /// Takes the run at a branch(), to be written where other runs may go on from it; on rank 0. May be empty.
  std::function<void(ResumePoint point)> on_branch = {};
};

/// What differs first between two identities, as a sentence that names the key; "" where nothing does.
[[nodiscard]] std::string difference(const std::map<std::string, std::string>& now,
                                     const std::map<std::string, std::string>& before);

/// Lets a run be left at many points, by its own choice or by being killed, and taken up again.
///
/// Two kinds of progress are on disk. A *resume point* holds the run as it stood between two steps of an
/// optimiser or two stages: each part of the run that is under way adds its section. Within a stage that
/// trains nothing (a line search, the products of a round) only single results count: these are in the
/// *memo*, and the stage is begun again from its resume point and meets them there. So wherever a run is
/// left, what it does again is less than the steps since the last resume point, or one wave of products, one
/// evaluation or one linear program.
///
/// Collective  every member on the communicator of the constructor, but recall's and remember's helpers as
/// said;
///             rank 0 alone touches the disk. Members are called in the same order by all ranks.
/// Throws      AgreedError(stopped) from boundary(), stage_done() and poll() when the run is to stop; its
///             message says why and what to do. AgreedError(write) where a resume point cannot be written:
///             the earlier ones are as they were.
/// Test        tests/src/resume/test_checkpoints.cpp (1, 2, 4 ranks), tests/jobs/test_killed.cpp
class Checkpoints {
 public:
  using Save = std::function<void(Section&)>;
  using Where = std::function<std::string()>;

  Checkpoints(CheckpointOptions options, const Communicator& comm);
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  struct Taken {
    std::string where;                     ///< "resume-000012, warm-up, step 120 of 400, of 2 ranks"
    std::vector<std::string> passed_over;  ///< newer ones that are not whole, and why; rank 0's
    bool found = false;                    ///< false: there is none, and the run begins
  };
  /// Takes up the newest whole resume point; drops what an unfinished write left behind, and without a point
  /// the memo. Throws AgreedError(usage) naming the first key of the identity that differs,
  /// AgreedError(input) if points were published and none can be read.
  Taken resume();
  /// What a part of the run left of itself, once; nothing where it was not under way.
  [[nodiscard]] std::optional<Section> take(const std::string& part);

  /// Whether such a part is there to be taken. Local.
  [[nodiscard]] bool left(const std::string& part) const { return left_.contains(part); }

  /// While it lives, `save` adds section `part` to every resume point; on every rank.
  class Part {
   public:
    Part(Checkpoints& checkpoints, std::string part, Save save);
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

   private:
    Checkpoints& checkpoints_;
  };

  /// Between two steps of an optimiser: a resume point if one is due; stops if that is asked for.
  void boundary(const Where& where);
  /// A resume point, whatever the time: what comes next takes long and can only be left without one.
  void save(const Where& where);
  /// Where the memo has all that was done: stops if that is asked for.
  void poll();
  /// After a stage: a resume point, and an empty memo.
  void stage_done(const Where& where);
  /// A place from which runs with other plans may go on too: the run as it stands goes to on_branch.
  void branch(const Where& where);
  /// What is remembered from now on, until stage_done(), may be what other runs make as well: it goes into
  /// the shared memo, if there is one, and is looked for there. All that these runs have and its keys do not
  /// name must be equal.
  void share() { sharing_ = !options_.shared_memo.empty(); }
  /// How many results were found in the shared memo. Rank 0's.
  [[nodiscard]] std::int64_t taken_over() const noexcept { return std::ssize(taken_over_); }
  /// The run is at its end: nothing of this class stays on disk.
  void finish();

  /// The name of a computation (WorkMemo::key); empty on other ranks than 0. Local.
  [[nodiscard]] std::string key(const std::string& label, const std::vector<at::Tensor>& inputs) const;
  /// What was made under that name before, on every rank; the tensor on the CPU, [its count].
  [[nodiscard]] std::optional<MemoEntry> recall(const std::string& key);
  /// The same on rank 0 alone, where nothing is to be handed on. Local.
  [[nodiscard]] std::optional<MemoEntry> look_up(const std::string& key);
  /// Whether anything is remembered at all; the same on every rank. Local.
  [[nodiscard]] bool remembers() const noexcept { return options_.memo != WorkMemo::Policy::never; }
  /// Keeps what rank 0 has of it.
  void remember(const std::string& key, const MemoEntry& entry);
  /// Why nothing is remembered any more, once; rank 0's. Local.
  [[nodiscard]] std::string memo_trouble();

  [[nodiscard]] const Communicator& comm() const noexcept { return comm_; }

 private:
  [[nodiscard]] ResumePoint here(const Where& where);
  void write(const Where& where);
  [[noreturn]] void stop(const std::string& where);
  void check_identity(const ResumePoint& point) const;

  const Communicator& comm_;
  CheckpointOptions options_;
  ResumeStore store_;
  WorkMemo memo_;
  WorkMemo shared_;
  bool sharing_ = false;
  std::set<std::string> taken_over_;  ///< keys
  Stopper stopper_;
  std::vector<std::pair<std::string, Save>> parts_;
  std::map<std::string, Section> left_;  ///< sections that were resumed and not yet taken
  std::string last_where_;               ///< of the last resume point; "" before the first
};

}  // namespace lift
