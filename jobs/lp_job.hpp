#pragma once
#include "jobs/job_context.hpp"
#include "solvers/box_lp.hpp"
#include "src/report/run_result.hpp"
#include "src/search/direction.hpp"

namespace lift {

/// `lift lp`: solves one box LP from a file of the tensors A [m, p+n], g [p+n] and u [p+n], and writes d
/// [p+n].
///
/// Every rank maps the file and reads its own coordinates of it, in float64. What the solver has is written
/// even when it did not answer. Each step of the solver is a line on stderr.
///
/// JSON        the `lp` object: status, certificate, iterations, seconds; on stdout and in --json.
/// Collective  on context.comm.
/// Throws      AgreedError: input (a tensor that is missing, of another type or shape, not finite, or u < 0),
///             numerical (not answered; d and the JSON are written), write.
/// Test        tests/jobs/test_lp_job.cpp (1, 2, 3 ranks)
void lp_job(JobContext& context);

/// The solver's part of --lp.*.
BoxLpOptions box_lp_options(const Options& options);

/// What the reports say of a solve.
LpResult lp_result(const BoxLpSummary& summary);
LpResult lp_result(const ProgramReport& program);

}  // namespace lift
