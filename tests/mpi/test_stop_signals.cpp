#include "mpi/stop_signals.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "mpi/error.hpp"

namespace lift {
namespace {

/// Status of a child process that runs `action` and then ends with 0.
template <typename Action>
int status_of(const Action& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    action();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

bool ignores_or_ends(int signal) {
  struct sigaction present {};
  ::sigaction(signal, nullptr, &present);
  return present.sa_handler == SIG_DFL;
}

TEST(StopSignals, NoteTheFirstThatCame) {
  const StopSignals signals({SIGUSR1, SIGUSR2});
  EXPECT_EQ(signals.received(), 0);
  std::raise(SIGUSR2);
  EXPECT_EQ(signals.received(), SIGUSR2);
  std::raise(SIGUSR1);  // the same request, by another way
  EXPECT_EQ(signals.received(), SIGUSR2);
  EXPECT_STREQ(signal_name(signals.received()), "USR2");
}

TEST(StopSignals, GiveTheirSignalsBack) {
  {
    const StopSignals signals({SIGUSR1});
    EXPECT_FALSE(ignores_or_ends(SIGUSR1));
    EXPECT_TRUE(ignores_or_ends(SIGUSR2));
  }
  EXPECT_TRUE(ignores_or_ends(SIGUSR1));
  const StopSignals again({SIGUSR1});
  EXPECT_EQ(again.received(), 0) << "of an object before";
}

TEST(StopSignals, ASecondRequestEndsTheProcess) {
  const int status = status_of([] {
    const StopSignals signals({SIGUSR1, SIGTERM}, /*same_request=*/-1);
    std::raise(SIGUSR1);
    std::raise(SIGTERM);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  EXPECT_EQ(status_of([] {
              const StopSignals signals({SIGUSR1}, /*same_request=*/60);
              std::raise(SIGUSR1);
              std::raise(SIGUSR1);
            }),
            0);
}

TEST(StopSignals, AreNotedByOneObjectAndRefuseWhatTheSystemRefuses) {
  {
    const StopSignals signals({SIGUSR1});
    EXPECT_THROW(StopSignals({SIGUSR2}), Error);
  }
  EXPECT_THROW(StopSignals({SIGUSR1, SIGKILL}), Error);
  EXPECT_TRUE(ignores_or_ends(SIGUSR1)) << "taken and not given back";
  const StopSignals none({});
  EXPECT_EQ(none.received(), 0);
}

}  // namespace
}  // namespace lift
