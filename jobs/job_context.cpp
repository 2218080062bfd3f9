#include "jobs/job_context.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "jobs/output_file.hpp"
#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "mpi/fault.hpp"
#include "mpi/nccl.hpp"
#include "src/files/atomic_file.hpp"
#include "src/objective/training_objective.hpp"

namespace lift {
namespace {

bool computes(Job job) {
  return job != Job::lp && job != Job::report && job != Job::diff && job != Job::check && job != Job::example;
}

/// A sweep has not what each of its runs has.
bool has(const Options& options, std::string_view name) {
  return find_option(options.job(), name) != nullptr;
}

/// float64 is for the CPU.
bool uses_device(const Options& options) {
  if (!computes(options.job())) return false;
  if (options.job() == Job::sweep && options.words().front() == "status") return false;
  return !has(options, "precision") || options.text("precision") != "fp64";
}

/// What --precision asks of the device that will compute; a dry run may be on another machine.
void check_precision(const Options& options, at::Device device, const Communicator& comm, Log& log) {
  const bool plans = has(options, "dry-run") && options.flag("dry-run");
  if (!computes(options.job()) || !has(options, "precision") || plans) return;
  const std::string precision = options.text("precision");
  agree(comm, [&] {
    if (precision == "tf32" && device.is_cpu())
      throw Error(ExitCode::usage,
                  "--precision tf32 needs a GPU, and this rank has none: fp32, bf16 or fp64");
  });
  const bool slow = precision == "bf16" && device.is_cpu() && !cpu_multiplies_bf16();
  const std::int64_t ranks = sum_over_ranks(std::int64_t{slow ? 1 : 0}, comm);
  if (ranks > 0 && comm.is_root())
    log.warn(fmt::format(
        "--precision bf16: {} of {} ranks have a processor that is not known to multiply bfloat16; "
        "fp32 is much faster on one that does not",
        ranks, comm.size()));
}

/// Lets only kernels run that give the same bits each time, or all; cuBLAS and NCCL read their variables when
/// they start. NCCL's sums in the switch (NVLS) differ from call to call.
void choose_kernels(const Options& options) {
  const bool deterministic = has(options, "deterministic") && options.flag("deterministic");
  // Whether any run of a sweep is to be deterministic is not known before its libraries start.
  if (deterministic || options.job() == Job::sweep) {
    ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
    ::setenv("NCCL_NVLS_ENABLE", "0", 0);
  }
  at::globalContext().setDeterministicAlgorithms(deterministic, false);
  at::globalContext().setDeterministicFillUninitializedMemory(false);
}

/// Says how device memory goes over the ranks, which the NCCL of the machine decides.
void tell_route(const std::vector<Binding>& bindings, const Communicator& comm, Log& log) {
  const bool all = std::ranges::all_of(bindings, [](const Binding& binding) { return binding.device >= 0; });
  if (!all || comm.size() == 1) return;
  const bool by_nccl = settled_route(comm) == DeviceRoute::nccl;
  std::string trouble;
  for (const std::string& of_rank : gather_texts(route_trouble(comm), comm)) {
    if (trouble.empty()) trouble = of_rank;
  }
  if (!comm.is_root()) return;
  if (by_nccl) return log.info("device memory goes over the ranks by NCCL");
  std::vector<std::string> uuids;
  for (const Binding& binding : bindings) uuids.push_back(binding.uuid);
  const char* by_host = "device memory goes over the ranks by the host, not by NCCL";
  if (device_route(uuids) == DeviceRoute::host) return log.info(by_host);
  log.warn(fmt::format("{}, though each has a device of its own{}{}", by_host, trouble.empty() ? "" : ": ",
                       trouble));
}

/// Sets the threads of the OpenBLAS that PETSc may have brought into the process.
void set_openblas_threads(int threads) {
  if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<void (*)(int)>(symbol)(threads);
  }
}

/// A run in float64 leaves the device of its rank alone.
Binding binding_for(const Options& options, Binding binding) {
  if (uses_device(options)) return binding;
  binding.device = -1;
  binding.name = "cpu";
  binding.uuid = "";
  return binding;
}

}  // namespace

JobContext make_context(const Communicator& comm, const Options& options, Log& log,
                        std::span<const std::string> words) {
  JobContext context{.comm = comm,
                     .options = options,
                     .log = log,
                     .command_line = {"lift"},
                     .bindings = {},
                     .device = at::kCPU};
  context.command_line.insert(context.command_line.end(), words.begin(), words.end());
  std::vector<Device> visible;
  agree(comm, [&] {
    if (uses_device(options)) visible = visible_devices();
  });
  context.bindings = bind_devices(visible, comm);
  const Binding& mine = context.binding();
  if (mine.device >= 0) context.device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(mine.device));
  agree(comm, [&] { select_device(mine.device); });
  at::globalContext().setFloat32MatmulPrecision("highest");  // no TF32, whatever the environment says
  at::globalContext().setAllowBF16ReductionCuBLAS(false);    // sums of bfloat16 products stay in float32
  choose_kernels(options);
  check_precision(options, context.device, comm, log);
  tell_route(context.bindings, comm, log);
  at::set_num_threads(mine.threads);  // OpenMP's and MKL's too
  set_openblas_threads(mine.threads);
  return context;
}

JobContext context_of_group(const JobContext& whole, const Communicator& group, const Options& options,
                            Log& log) {
  JobContext context{.comm = group,
                     .options = options,
                     .log = log,
                     .command_line = whole.command_line,
                     .bindings = {},
                     .device = uses_device(options) ? whole.device : at::Device(at::kCPU)};
  for (const std::int64_t rank : gather_values(std::int64_t{whole.comm.rank()}, group))
    context.bindings.push_back(binding_for(options, whole.bindings.at(static_cast<std::size_t>(rank))));
  choose_kernels(options);
  check_precision(options, context.device, group, log);
  return context;
}

void check_answer_file(const JobContext& context) {
  const std::filesystem::path file = context.options.path("json");
  agree(context.comm, [&] {
    if (file.empty() || !context.comm.is_root()) return;
    check_spares_inputs(file, "json", context.options);
    check_output_file(file, "json");
  });
}

void write_answer(const JobContext& context, const std::string& json) {
  const std::filesystem::path file = context.options.path("json");
  agree(context.comm, [&] {
    fault_point("answer");
    if (!file.empty() && context.comm.is_root()) write_file(file, json);
  });
}

}  // namespace lift
