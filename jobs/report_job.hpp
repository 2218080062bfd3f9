#pragma once
#include "jobs/job_context.hpp"

namespace lift {

/// `lift report RUN…`: tables, figures and one HTML page of runs, from their folders alone.
///
/// JSON        report_json(), the same as OUT/report.json.
/// Collective  on context.comm; rank 0 reads and writes.
/// Throws      AgreedError: input (a run's folder or file, naming the key), usage (a folder named twice, an
///             --out that holds something else), write.
/// Test        tests/jobs/test_report_job.cpp (1, 2, 3 ranks)
void report_job(JobContext& context);

}  // namespace lift
