#include "jobs/example_job.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mpi/agreement.hpp"
#include "src/report/run_folder.hpp"
#include "src/text/example_corpus.hpp"

namespace lift {

void example_job(JobContext& context) {
  const std::filesystem::path out = context.options.path("out");
  agree(context.comm, [&] {
    if (!context.comm.is_root()) return;
    const RunFolder looks_free(out);
    write_example(out, static_cast<std::uint64_t>(context.options.count("seed")), {});
  });
  write_answer(context, nlohmann::ordered_json{{"pretrain", (out / "pretrain").string()},
                                               {"finetune", (out / "finetune").string()},
                                               {"tokenizer", (out / "tokenizer").string()}}
                                .dump(2) +
                            "\n");
  context.log.info(
      fmt::format("written to {}: texts in pretrain/ and finetune/, vocabulary in tokenizer/", out.string()));
}

}  // namespace lift
