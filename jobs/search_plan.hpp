#pragma once
#include "jobs/options.hpp"
#include "src/model/tuning.hpp"
#include "src/search/curvature_report.hpp"
#include "src/search/search_state.hpp"

namespace lift {

/// --tune.*. Throws Error(usage) where the model has fewer blocks than --tune.first-blocks.
TuningSpec tuning_spec(const Options& options, const Gpt2Config& config);

/// --search.hvp, --search.fd-step and, of `lift run`, --search.curvature.
ProductOptions product_options(const Options& options);

/// Everything that a search reads of `lift run`. Test tests/jobs/test_run_plan.cpp
SearchOptions search_options(const Options& options);

/// --curvature.*. Test tests/jobs/test_curvature_job.cpp
CurvatureOptions curvature_options(const Options& options);

}  // namespace lift
