#pragma once
#include "jobs/job_context.hpp"

namespace lift {

/// `lift curvature`: measures whether ∇²_W F at (λ, W) of a checkpoint is positive definite, as a run with
/// the same options would find it where its search begins, and writes the evidence.
///
/// Leaves in --out: config.cfg, provenance.json, log.txt, curvature.json, figures/spectral_density.* and,
/// where the verdict is `fails`, its v in vectors.safetensors.
/// Collective  on context.comm.
/// Throws      AgreedError with the exit codes of mpi/error.hpp; no folder is left where nothing was
///             computed. That H22 is not positive definite is an answer, not an error.
/// Test        tests/jobs/test_curvature_job.cpp (1, 2, 3 ranks)
void curvature_job(JobContext& context);

}  // namespace lift
