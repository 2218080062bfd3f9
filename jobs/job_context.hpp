#pragma once
#include <c10/core/Device.h>

#include <span>
#include <string>
#include <vector>

#include "jobs/options.hpp"
#include "mpi/communicator.hpp"
#include "mpi/device.hpp"
#include "src/report/log.hpp"

namespace lift {

/// What every job works with: set up once, by lift_main, before the job starts.
///
/// Ownership   keeps references to what lift_main owns.
/// Test        tests/jobs/test_evaluate_job.cpp, tests/jobs/test_lift_main.cpp
struct JobContext {
  const Communicator& comm;               ///< all ranks of the run
  const Options& options;                 ///< valid, and the same on every rank
  Log& log;                               ///< rank 0 speaks
  std::vector<std::string> command_line;  ///< "lift", then the words as typed
  std::vector<Binding> bindings;          ///< by rank
  at::Device device = at::kCPU;           ///< of this rank
  /// The job went on from where it was left: options may have had their use before that.
  bool resumed = false;

  [[nodiscard]] const Binding& binding() const { return bindings.at(static_cast<std::size_t>(comm.rank())); }
};

/// Binds each rank to its device and sets its CPU threads. A job that computes on the CPU alone asks for no
/// device.
///
/// Collective  on `comm`.
/// Throws      AgreedError(usage) if two ranks would share one device.
JobContext make_context(const Communicator& comm, const Options& options, Log& log,
                        std::span<const std::string> words);

/// The context of one run of a sweep, on the devices that `whole` was bound to.
/// Collective on `group`, a part of whole.comm. Throws AgreedError(usage) for a --precision without its GPU.
JobContext context_of_group(const JobContext& whole, const Communicator& group, const Options& options,
                            Log& log);

/// Refuses a --json file that could not be written, before anything is computed.
/// Collective on context.comm. Throws AgreedError(input) if its folder is missing, (usage) if it is a folder.
void check_answer_file(const JobContext& context);

/// Writes the job's machine-readable answer to --json, if that is given; read from rank 0.
/// Collective on context.comm. Throws AgreedError(write).
void write_answer(const JobContext& context, const std::string& json);

}  // namespace lift
