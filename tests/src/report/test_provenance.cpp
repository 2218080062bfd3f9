#include "src/report/provenance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using Json = nlohmann::json;

class ProvenanceTest : public ::testing::Test {
 protected:
  Communicator self_ = Communicator::self();
  TempFolder folder_{self_};
};

TEST_F(ProvenanceTest, HashesAreThoseOfXxhsum) {
  testing::put_text(folder_ / "empty", "");
  testing::put_text(folder_ / "text", "hello\n");
  EXPECT_EQ(hash_file(folder_ / "empty").xxh3_128, "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash_file(folder_ / "empty").bytes, 0);
  EXPECT_EQ(hash_file(folder_ / "text").bytes, 6);
  EXPECT_EQ(hash_file(folder_ / "text").xxh3_128, "6bba86c7e069f56d5a10b435f1c8e49c");
  testing::put_text(folder_ / "long", std::string(3'000'000, 'a'));
  EXPECT_EQ(hash_file(folder_ / "long").xxh3_128, "9220778898dfe2af488fe7c89469a712");
}

TEST_F(ProvenanceTest, WhatCannotBeReadIsAnInputError) {
  const Error missing = testing::error_of([&] { static_cast<void>(hash_file(folder_ / "none")); });
  EXPECT_EQ(missing.code(), ExitCode::input);
  EXPECT_THAT(missing.what(), HasSubstr("No such file or directory"));
  EXPECT_EQ(testing::error_of([&] { static_cast<void>(hash_file(folder_.path())); }).code(), ExitCode::input);
}

TEST_F(ProvenanceTest, NamesBuildLibrariesDevicesAndHosts) {
  const std::vector<Binding> devices = {
      {.rank = 0,
       .local_rank = 0,
       .host = "n1",
       .device = 0,
       .name = "NVIDIA H100",
       .uuid = "GPU-1",
       .threads = 8},
      {.rank = 1, .local_rank = 0, .host = "n2", .device = -1, .name = "cpu", .uuid = "", .threads = 8},
      {.rank = 2,
       .local_rank = 1,
       .host = "n1",
       .device = 1,
       .name = "NVIDIA H100",
       .uuid = "GPU-2",
       .threads = 8}};
  Provenance provenance = begin_provenance({"lift", "run", "--seed", "1"}, devices);
  provenance.libraries["petsc"] = "3.18.5";
  provenance.inputs = {{.path = "model.safetensors", .bytes = 12, .xxh3_128 = "00"}};
  const Json json = Json::parse(to_json(provenance));
  EXPECT_THAT(json["version"].get<std::string>(), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_FALSE(json["commit"].get<std::string>().empty());
  EXPECT_FALSE(json["compiler"].get<std::string>().empty());
  EXPECT_EQ(json["libraries"]["petsc"], "3.18.5");
  EXPECT_FALSE(json["libraries"]["mpi"].get<std::string>().empty());
  EXPECT_THAT(json["shared_objects"].dump(), HasSubstr("libmpi"));
  EXPECT_EQ(json["command_line"], Json({"lift", "run", "--seed", "1"}));
  EXPECT_EQ(json["ranks"], 3);
  EXPECT_EQ(json["threads"], 8);
  EXPECT_EQ(json["hosts"], Json({"n1", "n2"}));
  EXPECT_EQ(json["devices"][2]["uuid"], "GPU-2");
  EXPECT_TRUE(json["devices"][1]["device"].is_null());
  EXPECT_EQ(json["inputs"][0]["bytes"], 12);
  EXPECT_THAT(json["started"].get<std::string>(), MatchesRegex("20..-..-..T..:..:..Z"));
  EXPECT_TRUE(json["ended"].is_null());
}

TEST_F(ProvenanceTest, TakesSlurmsNamesOfTheJobAndNothingElse) {
  ::setenv("SLURM_JOB_ID", "4711", 1);
  ::setenv("SLURM_JWT", "secret", 1);
  const Provenance provenance = begin_provenance({}, {});
  ::unsetenv("SLURM_JOB_ID");
  ::unsetenv("SLURM_JWT");
  EXPECT_EQ(provenance.slurm.at("SLURM_JOB_ID"), "4711");
  EXPECT_THAT(to_json(provenance), ::testing::Not(HasSubstr("secret")));
}

TEST_F(ProvenanceTest, TimesAreIso8601InUtc) {
  EXPECT_EQ(utc_time(std::chrono::system_clock::from_time_t(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(std::chrono::system_clock::from_time_t(1769860800)), "2026-01-31T12:00:00Z");
}

TEST_F(ProvenanceTest, BytesThatAreNotUtf8DoNotBreakTheFile) {
  const Provenance provenance = begin_provenance({"lift", "\xff"}, {});
  EXPECT_EQ(Json::parse(to_json(provenance))["command_line"][1], "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace lift
