#include <algorithm>

#include "jobs/run_cost.hpp"
#include "solvers/box_lp_preprocessing.hpp"
#include "src/objective/head_products.hpp"
#include "src/objective/sequence_cost.hpp"
#include "src/search/curvature.hpp"
#include "src/search/hyperlocal.hpp"

namespace lift {
namespace {

/// Resident before the model is loaded, LibTorch 2.11 for the CPU, PETSc and Open MPI (measured on the
/// machine of results/README.md).
constexpr double kLibraries = 0.14 * (1 << 30);

/// What the phases hold, counted in vectors of n values and in shards of p + n doubles.
class Holdings {
 public:
  Holdings(const RunPlan& plan, const CorpusSize& size, int ranks, at::DeviceType device)
      : plan_(plan),
        search_(plan.search),
        size_(size),
        ranks_(ranks),
        one_(sequence_cost(plan.config, plan.layout, plan.corpus.splits.length, plan.precision,
                           plan.activations)),
        value_(plan.precision == at::kDouble ? 8 : 4),
        vector_(static_cast<double>(plan.layout.n()) * value_),
        whole_(8.0 * static_cast<double>(plan.layout.n())),
        shard_(8.0 * static_cast<double>(plan.layout.p() + plan.layout.n()) / ranks),
        logits_(static_cast<double>(
            head_scratch_bytes(device, std::int64_t{plan.micro_batch} * (plan.corpus.splits.length - 1),
                               plan.config.vocabulary))),
        buffers_(device != at::kCPU && plan.layout.tunes_embeddings() ? 3 : 2) {}

  /// W is among its tensors, but for low-rank pairs, which lie beside them.
  [[nodiscard]] double model() const {
    return parameters_of(plan_.config) * value_ + (plan_.needs_pretrained() ? vector_ : 0) +
           (plan_.layout.lora() ? vector_ : 0);
  }
  /// Two moments, the last good and the best W, the gradient whole and by tensors.
  /// In bfloat16 a copy of the model, of W and half the activations.
  [[nodiscard]] double warmup() const {
    if (plan_.warmup.precision != TrainingPrecision::bf16) return 6 * vector_ + gradient();
    const double copies = 2 * parameters_of(plan_.config) + 2 * static_cast<double>(plan_.layout.n());
    return 6 * vector_ + copies + 0.5 * one_.gradient_bytes * plan_.micro_batch + 2 * logits_;
  }
  [[nodiscard]] double corrector() const {
    return plan_.is_rival() || count_run(plan_, size_).correctors > 0 ? search() + warmup() : 0;
  }
  /// W, both vectors, a product, and what product() says.
  [[nodiscard]] double self_check() const { return plan_.is_rival() ? 0 : 4 * vector_ + exact_product(); }
  [[nodiscard]] double curvature() const {
    return plan_.curvature ? vector_ + (lanczos_basis(*plan_.curvature) + 10) * shard_ + followed() : 0;
  }
  [[nodiscard]] double probes() const {
    if (search_.direction == DirectionKind::exact || search_.direction == DirectionKind::bilevel)
      return search() + vector_ + implicit();
    if (search_.rows() == 0) return search() + vector_ + gradient();
    const double model = search() + vector_ + (search_.rows() + 2) * shard_;
    return std::max(model + rows(), search_.hypergradient ? search() + vector_ + implicit() : 0);
  }
  /// A, g, u, d and a Krylov basis; then the iterates of the solver, were it to take the whole of A, what is
  /// copied of A, or d whole.
  [[nodiscard]] double program() const {
    if (search_.rows() == 0) return 0;
    const double basis = search_.probe_kind == ProbeKind::krylov ? search_.probes * shard_ : 0;
    const std::int64_t coordinates = plan_.layout.p() + plan_.layout.n();
    // The coordinates in doubt, and half as many in the programs that these are solved by.
    const double copied =
        1.5 * box_lp::sample_size(search_.rows(), coordinates) / static_cast<double>(coordinates);
    return search() + vector_ + (search_.rows() + 3) * shard_ + basis +
           std::max({4 * shard_, copied * (search_.rows() + 4) * shard_, whole_ + vector_});
  }
  /// d and W beside, the hidden states of the largest split that is followed, and one forward pass.
  [[nodiscard]] double line_search() const {
    const std::int64_t watched = plan_.watched_steps > 0 ? std::max(size_.test, size_.valid) : 0;
    const std::int64_t selection = count_run(plan_, size_).selection;
    const std::int64_t groups = std::max(1, ranks_ / kLineSearchWave);
    const double sequences = static_cast<double>((std::max(selection, watched) + groups - 1) / groups);
    const double held = plan_.layout.tunes_embeddings() ? 0 : sequences * states();
    const double product = search_.measures_model() ? vector_ + exact_product() : 0;
    return search() + 2 * vector_ + std::max(held + forward(), product);
  }
  [[nodiscard]] double writing() const { return parameters_of(plan_.config) * 4; }

 private:
  /// What making the rows takes beside A.
  [[nodiscard]] double rows() const {
    switch (search_.probe_kind) {
      case ProbeKind::krylov:
        return (search_.probes + 1) * shard_ + followed();
      case ProbeKind::adjoint:
        return implicit();
      case ProbeKind::random:
        break;
    }
    const double together = std::min<double>(kProbesPerGraph, dealt());
    if (search_.products.kind == ProductKind::identity) return 2 * together * vector_;
    const double tangents = (together - 1) * one_.direction_bytes * plan_.micro_batch;
    return 2 * together * vector_ + product() + tangents;
  }
  /// The best W of a search, and the one last evaluated.
  [[nodiscard]] double search() const { return 2 * vector_; }
  /// Hidden states of a sequence.
  [[nodiscard]] double states() const {
    return static_cast<double>(plan_.corpus.splits.length) * plan_.config.width * value_;
  }
  [[nodiscard]] double forward() const {
    const double widths = 6 + 2.0 * plan_.config.inner / plan_.config.width;
    return plan_.micro_batch * widths * states() + logits_;
  }
  /// Activations of a gradient, and its parts by tensors.
  [[nodiscard]] double gradient() const { return one_.gradient_bytes * plan_.micro_batch + logits_; }
  /// Activations of a product; the gradient that is differentiated, and the product by tensors.
  [[nodiscard]] double exact_product() const {
    return one_.hvp_bytes * plan_.micro_batch + 2 * vector_ + buffers_ * logits_;
  }
  /// The same of the kind that the rows are made by: differences have W, the round's gradient and its parts.
  [[nodiscard]] double product() const {
    const bool differences =
        search_.products.kind == ProductKind::forward || search_.products.kind == ProductKind::central;
    return differences ? 3 * vector_ + gradient() : exact_product();
  }
  /// A vector that comes as shards: whole as doubles, as it is multiplied, of unit length, its product.
  [[nodiscard]] double followed() const { return whole_ + 3 * vector_ + product(); }
  /// The Krylov basis, vectors of conjugate gradients, and H21.
  [[nodiscard]] double implicit() const {
    return (12 + std::min(search_.basis, search_.max_products)) * shard_ + followed();
  }
  /// Probes of a rank.
  [[nodiscard]] double dealt() const {
    const int groups = std::min(ranks_, search_.probes);
    return (search_.probes + groups - 1) / groups;
  }

  const RunPlan& plan_;
  const SearchOptions& search_;
  const CorpusSize& size_;
  int ranks_;
  SequenceCost one_;
  double value_, vector_, whole_, shard_, logits_, buffers_;
};

}  // namespace

double RunMemory::total() const {
  return libraries + model +
         std::max({warmup, corrector, self_check, curvature, probes, program, line_search}) + writing;
}

RunMemory estimate_memory(const RunPlan& plan, const CorpusSize& size, int ranks, at::DeviceType device) {
  const Holdings holdings(plan, size, ranks, device);
  return {.libraries = kLibraries,
          .model = holdings.model(),
          .warmup = holdings.warmup(),
          .corrector = holdings.corrector(),
          .self_check = holdings.self_check(),
          .curvature = holdings.curvature(),
          .probes = holdings.probes(),
          .program = holdings.program(),
          .line_search = holdings.line_search(),
          .writing = holdings.writing()};
}

}  // namespace lift
