#include "jobs/run_resume.hpp"

#include <fmt/format.h>

#include <chrono>

#include "mpi/agreement.hpp"
#include "src/report/run_result.hpp"
#include "src/resume/resume_store.hpp"

namespace lift {

CheckpointOptions checkpoint_options(const RunPlan& plan, const RunLoan& loan, RunOutput& output,
                                     const Communicator& comm) {
  CheckpointPlan planned = plan.checkpoints;
  planned.most_seconds = loan.most_seconds;
  CheckpointOptions options{.folder = plan.out / "checkpoints",
                            .keep = planned.keep,
                            .memo = planned.memo,
                            .stop = {.signal = loan.signal, .save_interval = planned.interval},
                            .identity = planned.identity,
                            .go_on = loan.go_on,
                            .shared_memo = loan.shared_memo,
                            .on_branch = loan.on_branch};
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - loan.began).count();
  if (comm.is_root()) limit_time(planned, elapsed, options.stop);
  options.identity.merge(output.digest_inputs());
  options.identity.emplace("the version of lift", build_stamp().version);
  return options;
}

void take_up(Checkpoints& checkpoints, const RunPlan& plan, JobContext& context) {
  if (!plan.checkpoints.resume) return;
  const Checkpoints::Taken taken = checkpoints.resume();
  context.resumed = taken.found;
  if (!context.comm.is_root()) return;
  for (const std::string& line : taken.passed_over)
    context.log.warn(fmt::format("this checkpoint is passed over: {}", line));
  context.log.info(taken.found
                       ? fmt::format("going on from {}", taken.where)
                       : fmt::format("there is no checkpoint in {}: the run begins", plan.out.string()));
}

void leave_done(const RunPlan& plan, JobContext& context) {
  context.resumed = true;
  RunResult result;
  agree(context.comm, [&] {
    if (!context.comm.is_root()) return;
    const std::filesystem::path checkpoints = plan.out / "checkpoints";
    ResumeStore(checkpoints, 1).clear();
    WorkMemo(checkpoints / "memo", WorkMemo::Policy::never).clear();
    result = read_result(plan.out / "result.json");
  });
  context.log.info(fmt::format("the run in {} is done", plan.out.string()));
  write_answer(context, context.comm.is_root() ? to_json(result) : "");
  agree(context.comm, [&] {
    for (std::size_t k = 0; k < result.rounds.size(); ++k) {
      const auto& lp = result.rounds[k].lp;
      if (lp && lp->status != "optimal")
        throw Error(ExitCode::numerical,
                    fmt::format("round {}: the linear program ended as {}; its direction was "
                                "used, and {} holds the whole run",
                                k + 1, lp->status, plan.out.string()));
    }
  });
}

}  // namespace lift
