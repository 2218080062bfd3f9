#pragma once
#include "src/search/local_model.hpp"

namespace lift {

/// Probes and their rows, as build_local_model() puts them into a model whose A is still zero; each sets
/// model.probe and model.probes_done, and model.curvature where the rows tell of it. Collective on
/// round.state.comm.
void add_random_rows(const Round& round, const SearchObserver& observer, LocalModel& model);
void add_krylov_rows(const Round& round, const SearchObserver& observer, LocalModel& model);
void add_adjoint_row(const Round& round, const SearchObserver& observer, LocalModel& model);

/// [vᵀH21, vᵀH22] on the host from v [n] and ∇²L_t v + 2λv, key biases masked in both; for a joint probe its
/// λ part adds v_λᵀH11 to the first and v_λᵀH12 to the second, else it is empty. Local; throws
/// Error(numerical) naming the probe if the product is not finite.
at::Tensor probe_row(const Round& round, int probe, const at::Tensor& v, std::span<const double> v_lambda,
                     at::Tensor& product);

}  // namespace lift
