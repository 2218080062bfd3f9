#pragma once
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "src/resume/checkpoints.hpp"

namespace lift {

/// How a session keeps its points and is left at the one where it can be left after `left_at` others; −1:
/// never. `asked` counts them, and outlives what is returned.
inline CheckpointOptions left_session(const std::filesystem::path& folder, int left_at, int& asked,
                                      WorkMemo::Policy memo = WorkMemo::Policy::always) {
  return {.folder = folder,
          .keep = 2,
          .memo = memo,
          .stop = {.signal = [&asked, left_at] { return left_at >= 0 && ++asked > left_at ? SIGUSR2 : 0; },
                   .seconds_left = {},
                   .limit = {},
                   .save_interval = 0,
                   .clock = [] { return 0.0; }},
          .identity = {}};
}

/// How many sessions it takes until one comes to its end, which `attempt` says.
template <typename Attempt>
int sessions_until_done(const Attempt& attempt) {
  constexpr int kMost = 300;
  for (int session = 1; session < kMost; ++session)
    if (attempt()) return session;
  ADD_FAILURE() << "it comes to no end";
  return kMost;
}

}  // namespace lift
