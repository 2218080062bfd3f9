#include "jobs/lp_job.hpp"

#include <fmt/format.h>

#include "jobs/lp_instance.hpp"
#include "jobs/output_file.hpp"
#include "mpi/agreement.hpp"

namespace lift {

BoxLpOptions box_lp_options(const Options& options) {
  BoxLpOptions lp;
  lp.method = options.text("lp.method") == "mehrotra" ? LpMethod::mehrotra : LpMethod::preprocessing;
  lp.max_seconds = options.real("lp.time-limit");
  lp.crossover = options.text("lp.crossover") == "on";
  return lp;
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
          .y = summary.y,
          .inside = summary.inside};
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
          .y = program.y,
          .inside = program.inside};
}

void lp_job(JobContext& context) {
  const std::filesystem::path input = context.options.path("input");
  const std::filesystem::path output = context.options.path("output");
  BoxLpOptions options = box_lp_options(context.options);
  options.on_iteration = [&log = context.log](const LpIteration& step) {
    if (!log.is_root()) return;
    log.console().warn(fmt::format("lp: {} program, step {}: gap {:.1e}, residual {:.1e}", step.stage,
                                   step.iteration, step.gap, step.residual));
  };
  const double relax = context.options.real("lp.relax");
  agree(context.comm, [&] {
    if (!context.comm.is_root()) return;
    check_spares_inputs(output, "output", context.options);
    check_output_file(output, "output");
  });

  const LpInstance instance = read_instance(input, context.comm);
  std::vector<double> d(instance.g.size());
  BoxLpProblem problem{instance.a, instance.g, instance.u};
  const std::vector<double> tau = relaxation(problem, relax);
  problem.tau = tau;
  const BoxLpSummary summary = solve_box_lp(problem, options, d);

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
