#include "jobs/check_job.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "src/files/atomic_file.hpp"
#include "src/model/adapter.hpp"
#include "src/model/lora_pairs.hpp"
#include "src/resume/resume_store.hpp"
#include "tests/jobs/job_run.hpp"
#include "tests/jobs/toy_inputs.hpp"
#include "tests/src/resume/points.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// The folder of a run that was left after two checkpoints, beside its model and text.
class CheckJob : public ::testing::Test {
 protected:
  void SetUp() override {
    if (world_.is_root()) {
      write_toy_inputs(folder_.path());
      fs::create_directories(folder_ / "run/checkpoints");
      write_file(folder_ / "run/log.txt", "");
      ResumeStore store(folder_ / "run/checkpoints", 2);
      store.publish(a_point());
      store.publish(a_point());
      fs::copy(folder_ / "model", folder_ / "run/checkpoints/best");
    }
    world_.barrier();
  }
  [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }
  JobRun check(const std::vector<std::string>& words) {
    return run_in_process(Job::check, check_job, words, world_);
  }
  void damage(const std::string& name) {
    if (world_.is_root()) {
      std::string bytes = read_file(folder_ / name);
      bytes.back() = static_cast<char>(bytes.back() ^ 1);
      std::ofstream(folder_ / name, std::ios::binary) << bytes;
    }
    world_.barrier();
  }

  Communicator world_ = Communicator::world();
  TempFolder folder_{world_};
};

TEST_F(CheckJob, SaysOfEachThingInARunThatItIsWhole) {
  const JobRun run = check({at("run"), at("model"), "--json", at("answer.json")});
  EXPECT_EQ(run.error, "");
  if (!world_.is_root()) return;
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("resume-000002: checkpoint to go on from: warm-up, step 3 of 9, of 2 ranks"),
                    HasSubstr("resume-000001"), HasSubstr("best: model of 2 blocks"),
                    HasSubstr("run that has not come to its end"), Not(HasSubstr("broken"))));
  const auto answer = nlohmann::json::parse(read_file(at("answer.json")));
  EXPECT_TRUE(answer.at("whole"));
  EXPECT_EQ(answer.at("checked").size(), 5U);
}

TEST_F(CheckJob, NamesWhatIsBrokenAndLooksAtTheRest) {
  damage("run/checkpoints/resume-000001/state.safetensors");
  const JobRun run = check({at("run"), "--json", at("answer.json")});
  EXPECT_EQ(run.code, ExitCode::input);
  EXPECT_THAT(run.error, HasSubstr("resume-000001/state.safetensors: is not the file that manifest.json"));
  if (!world_.is_root()) return;
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("broken"), HasSubstr("whole   " + at("run/checkpoints/resume-000002"))));
  EXPECT_FALSE(nlohmann::json::parse(read_file(at("answer.json"))).at("whole"));
}

TEST_F(CheckJob, TakesAPointAModelOrAFileByItself) {
  EXPECT_EQ(check({at("run/checkpoints/resume-000001"), at("model"), at("model/model.safetensors")}).error,
            "");
  if (world_.is_root()) fs::remove(folder_ / "run/checkpoints/resume-000001/DONE");
  world_.barrier();
  EXPECT_THAT(check({at("run/checkpoints/resume-000001")}).error, HasSubstr("has no DONE"));
  EXPECT_THAT(check({at("nothing")}).error, HasSubstr("nothing: does not exist; expected"));
  EXPECT_THAT(check({at("data")}).error, HasSubstr("is none of what can be checked"));
}

TEST_F(CheckJob, TakesAnAdapterByItselfOrInARun) {
  if (world_.is_root()) {
    const LoraSpec spec{.rank = 2, .alpha = 2};
    Gpt2 model = random_gpt2(toy_config(), 1, at::kFloat);
    add_pairs(model,
              TunedLayout(model.config(), {.blocks = {0}, .mlp_only = {}, .regularizers = {}, .lora = spec}),
              1);
    save_adapter(folder_ / "run/adapter", model, spec, folder_ / "model");
  }
  world_.barrier();
  const JobRun run = check({at("run"), at("run/adapter")});
  EXPECT_EQ(run.error, "");
  if (world_.is_root()) {
    EXPECT_THAT(run.out, HasSubstr("run/adapter: adapter of 4 pairs of rank 2"));
    fs::resize_file(folder_ / "run/adapter/adapter_model.safetensors", 100);
  }
  world_.barrier();
  for (const char* name : {"run", "run/adapter"}) {
    const JobRun broken = check({at(name)});
    EXPECT_EQ(broken.code, ExitCode::input) << name;
    EXPECT_THAT(broken.error, HasSubstr("adapter_model.safetensors")) << name;
  }
}

TEST_F(CheckJob, FindsAValueThatIsNotFinite) {
  if (world_.is_root()) {
    std::string bytes = read_file(folder_ / "model/model.safetensors");
    for (int k = 0; k < 4; ++k)
      bytes[bytes.size() - 1 - static_cast<std::size_t>(k)] = static_cast<char>(0xff);
    std::ofstream(folder_ / "model/model.safetensors", std::ios::binary) << bytes;
  }
  world_.barrier();
  const JobRun run = check({at("model")});
  EXPECT_EQ(run.code, ExitCode::input);
  EXPECT_THAT(run.error, HasSubstr("not finite"));
}

}  // namespace
}  // namespace lift
