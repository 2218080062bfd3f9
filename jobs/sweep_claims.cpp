#include "jobs/sweep_claims.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "mpi/error.hpp"
#include "src/report/provenance.hpp"

namespace lift {
namespace {

/// Ends without a word and without a newer checkpoint, one after the other, that are enough.
constexpr int kMostDeaths = 3;
/// Between two looks for work where others are on the way to it.
constexpr std::chrono::milliseconds kBetweenLooks{500};

}  // namespace

std::optional<ClaimedPoint> SweepClaims::next(const std::function<bool()>& is_to_stop) {
  const SweepPlan& plan = course_.plan;
  views_.resize(plan.order.size());
  while (!is_to_stop()) {
    for (std::size_t k = 0; k < views_.size(); ++k) look_at(plan.points[plan.order[k]], views_[k]);
    const Choice choice = next_point(views_);
    if (choice.kind == Choice::Kind::none) return std::nullopt;
    if (choice.kind == Choice::Kind::wait) std::this_thread::sleep_for(kBetweenLooks);
    if (choice.kind != Choice::Kind::run) continue;
    if (auto claimed = claim(plan.order[choice.point])) return claimed;
  }
  return std::nullopt;
}

void SweepClaims::look_at(const SweepPoint& point, PointView& view) const {
  if (!point.valid()) view.state = PointState::invalid;
  if (view.state == PointState::done || view.state == PointState::invalid) return;  // for good
  const auto [state, record] = course_.folder.look(point.name);
  view.state = state;
  view.warmup = point.warmup;
  view.epochs = point.epochs();
  if (view.state == PointState::done || view.state == PointState::failed) return;
  const std::string progress = course_.progress(point);
  view.has_checkpoint = !progress.empty();
  if (view.has_checkpoint && record.warmup != point.warmup) view.warmup = "";  // begun on other ranks
  view.has_branch = !point.warmup.empty() && course_.branches(point).has(point.epochs());
  const bool died = view.state == PointState::preempted && record.word == PointRecord::Word::begun;
  view.suspect = (died || record.deaths > 0) && progress == record.progress;
}

/// Nothing where another was faster, or the point is given up.
std::optional<ClaimedPoint> SweepClaims::claim(std::size_t k) {
  const SweepPoint& point = course_.plan.points[k];
  ClaimedPoint claimed{.point = k, .record = {}, .claim = course_.folder.claim(point.name)};
  if (!claimed.claim) return std::nullopt;
  PointRecord& record = claimed.record = course_.folder.record(point.name);
  using enum PointRecord::Word;
  if (record.word != none && record.word != begun && record.word != stopped) return std::nullopt;
  const bool died = record.word == begun && course_.progress(point) == record.progress;
  record.deaths = died ? record.deaths + 1 : 0;
  if (record.deaths < kMostDeaths) return claimed;
  give_up(point, std::move(record));
  return std::nullopt;
}

void SweepClaims::give_up(const SweepPoint& point, PointRecord record) {
  record.word = PointRecord::Word::failed;
  record.code = static_cast<int>(ExitCode::internal);
  record.message =
      fmt::format("its processes died {} times in a row without a newer checkpoint", kMostDeaths);
  record.ended = utc_time(std::chrono::system_clock::now());
  course_.folder.write(point.name, record);
  log_.warn(fmt::format("{} is FAILED: {}", point.name, record.message));
}

}  // namespace lift
