#include "jobs/lp_job.hpp"

#include <fmt/format.h>

#include "jobs/lp_instance.hpp"
#include "jobs/output_file.hpp"
#include "mpi/agreement.hpp"

namespace lift {

LpMethod lp_method(const Options& options) {
  return options.text("lp.method") == "mehrotra" ? LpMethod::mehrotra : LpMethod::preprocessing;
}

LpResult lp_result(const BoxLpSummary& summary) {
  const LpCertificate& certificate = summary.certificate;
  return {.status = to_string(summary.status),
          .objective = certificate.objective,
          .dual_objective = certificate.dual_objective,
          .gap = certificate.gap,
          .residual = certificate.residual,
          .bound_violation = certificate.bound_violation,
          .iterations = summary.iterations,
          .sweeps = summary.sweeps,
          .seconds = summary.seconds,
          .y = summary.y};
}

LpResult lp_result(const ProgramReport& program) {
  return {.status = program.status,
          .objective = program.certificate.objective,
          .dual_objective = program.certificate.dual_objective,
          .gap = program.certificate.gap,
          .residual = program.certificate.residual,
          .bound_violation = program.certificate.bound_violation,
          .iterations = program.iterations,
          .sweeps = program.sweeps,
          .seconds = program.seconds,
          .y = program.y};
}

void lp_job(JobContext& context) {
  const std::filesystem::path input = context.options.path("input");
  const std::filesystem::path output = context.options.path("output");
  BoxLpOptions options;
  options.method = lp_method(context.options);
  options.max_seconds = context.options.real("lp.time-limit");
  agree(context.comm, [&] {
    if (!context.comm.is_root()) return;
    check_spares_inputs(output, "output", context.options);
    check_output_file(output, "output");
  });

  const LpInstance instance = read_instance(input, context.comm);
  std::vector<double> d(instance.g.size());
  const BoxLpSummary summary = solve_box_lp({instance.a, instance.g, instance.u}, options, d);

  write_direction(output, d, instance.a.layout(), context.comm);
  const std::string answer = to_json(lp_result(summary));
  write_answer(context, answer);
  context.log.block(answer);
  if (!answered(summary.status)) {
    throw AgreedError(ExitCode::numerical,
                      fmt::format("{}: the linear program is not solved: {}; {} holds what there is",
                                  input.string(), summary.message, output.string()));
  }
}

}  // namespace lift
