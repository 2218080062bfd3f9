#include "src/sweep/point_record.hpp"

#include <gmock/gmock.h>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

TEST(PointRecord, ComesBackAsItWasWritten) {
  const OwnFolder folder;
  const auto file = folder / "p.json";
  EXPECT_EQ(read_point_record(file).word, PointRecord::Word::none) << "where there is no file";
  const PointRecord record{.word = PointRecord::Word::failed,
                           .code = 4,
                           .message = "a \"loss\" that is\nnot finite",
                           .starts = 3,
                           .deaths = 2,
                           .progress = "resume-000002, 7 results",
                           .warmup_steps = 123456789012,
                           .taken_over = 17,
                           .warmup_from = "epoch 10 of a",
                           .seconds = 1.0 / 3,
                           .began = "2026-01-31T12:00:00Z",
                           .ended = "",
                           .where = "node, process 7, Slurm job 9",
                           .ranks = 4,
                           .warmup = "0123"};
  write_point_record(file, record);
  const PointRecord back = read_point_record(file);
  EXPECT_EQ(back.word, record.word);
  EXPECT_EQ(back.code, record.code);
  EXPECT_EQ(back.message, record.message);
  EXPECT_EQ(back.starts, record.starts);
  EXPECT_EQ(back.deaths, record.deaths);
  EXPECT_EQ(back.progress, record.progress);
  EXPECT_EQ(back.warmup_steps, record.warmup_steps);
  EXPECT_EQ(back.taken_over, record.taken_over);
  EXPECT_EQ(back.warmup_from, record.warmup_from);
  EXPECT_EQ(back.seconds, record.seconds);
  EXPECT_EQ(back.began, record.began);
  EXPECT_EQ(back.ended, record.ended);
  EXPECT_EQ(back.where, record.where);
  EXPECT_EQ(back.ranks, record.ranks);
  EXPECT_EQ(back.warmup, record.warmup);
}

TEST(PointRecord, OneThatIsNotWholeIsNamed) {
  const OwnFolder folder;
  const auto file = folder / "p.json";
  const auto trouble = [&](const std::string& text) {
    write_file(file, text);
    try {
      (void)read_point_record(file);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::input);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(trouble("{\"schema\": 1"), testing::HasSubstr("p.json: not JSON"));
  EXPECT_THAT(trouble("{\"schema\": 2}"), testing::HasSubstr("schema is 2; expected 1"));
  EXPECT_THAT(trouble("{\"schema\": 1}"), testing::HasSubstr("word is missing"));
  EXPECT_THAT(trouble("{\"schema\": 1, \"word\": \"gone\"}"),
              testing::HasSubstr("expected one of none, begun"));
}

}  // namespace
}  // namespace lift
