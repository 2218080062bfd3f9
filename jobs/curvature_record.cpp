#include "jobs/curvature_record.hpp"

#include <fmt/format.h>

#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "mpi/shard_map.hpp"
#include "src/model/safetensors_writer.hpp"

namespace lift {
namespace {

CurvaturePart part_of(std::string name, std::int64_t n, const Definiteness& found) {
  const EigenSummary& least = found.least;
  return {.of = std::move(name),
          .n = n,
          .verdict = to_string(found.verdict),
          .least = least.value,
          .residual = least.residual,
          .noise = found.noise,
          .largest = least.largest,
          .lower_bound = least.lower_bound,
          .whole_spectrum = least.whole_spectrum,
          .negative_found = found.inertia.negative,
          .positive_found = found.inertia.positive,
          .steps = least.steps,
          .products = least.products,
          .message = found.message};
}

SchurResult schur_result(const SchurSummary& schur, double mu) {
  return {.status = to_string(schur.status),
          .mu = mu,
          .eigenvalues = schur.eigenvalues,
          .s = schur.s,
          .asymmetry = schur.asymmetry,
          .residual = schur.residual,
          .products = schur.products,
          .message = schur.message};
}

}  // namespace

CurvatureResult curvature_result(const CurvatureReport& report, const CurvatureOptions& options) {
  CurvatureResult result{
      .noise = report.noise,
      .failure = options.failure,
      .sequences = report.sequences,
      .of_sequences = report.of_sequences,
      .lambda = report.lambda,
      .null_directions = report.null_directions,
      .h22 = part_of(report.masked > 0 ? "H22 without key biases" : "H22", report.n, report.h22),
      .blocks = {},
      .rank_h21 = report.rank_h21,
      .schur = {},
      .density = {},
      .products = report.products,
      .seconds = report.seconds};
  for (const BlockCurvature& block : report.blocks)
    result.blocks.push_back(part_of(part_name(block.block), block.n, block.curvature));
  if (report.schur) result.schur = schur_result(*report.schur, report.mu);
  for (const SpectralQuadrature& quadrature : report.density)
    result.density.push_back({quadrature.nodes, quadrature.weights});
  return result;
}

void tell_curvature(const CurvatureResult& result, Log& log) {
  log.block(to_text(curvature_table(result)));
  for (const std::string& sentence : curvature_sentences(result)) log.info(sentence);
}

void write_negative_vector(const std::filesystem::path& path, const CurvatureReport& report,
                           const TunedParameters& tuned, const Communicator& comm) {
  if (report.h22.verdict != Verdict::fails) return;
  const ShardMap layout(tuned.n(), comm.size());
  std::vector<double> whole(static_cast<std::size_t>(tuned.n()));
  gather_shards(report.h22.least.vector, whole, layout, comm);
  agree(comm, [&] {
    if (!comm.is_root()) return;
    std::vector<StoredTensor> tensors;
    for (const TunedTensor& tensor : tuned.layout().tensors())
      tensors.push_back({tensor.name, StoredType::f64, tensor.shape});
    SafetensorsWriter writer(path, std::move(tensors));
    for (const TunedTensor& tensor : tuned.layout().tensors())
      writer.add(std::as_bytes(std::span(whole).subspan(static_cast<std::size_t>(tensor.offset),
                                                        static_cast<std::size_t>(tensor.size))));
    writer.finish();
  });
}

}  // namespace lift
