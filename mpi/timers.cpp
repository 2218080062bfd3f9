#include "mpi/timers.hpp"

#include <set>
#include <sstream>
#include <utility>

#include "mpi/collectives.hpp"

namespace lift {

namespace {

/// The names that any rank knows, sorted, on every rank.
std::set<std::string> names_of_all(const std::map<std::string, double>& mine, const Communicator& comm) {
  std::string lines;
  for (const auto& [name, seconds] : mine) lines += name + '\n';
  std::set<std::string> names;
  for (const std::string& text : gather_texts(lines, comm)) {
    std::istringstream stream(text);
    for (std::string name; std::getline(stream, name);) names.insert(name);
  }
  return names;
}

}  // namespace

PhaseTimers::Scope::Scope(PhaseTimers& timers, std::string name)
    : timers_(timers), name_(std::move(name)), start_(std::chrono::steady_clock::now()) {
  timers_.open_.push_back(this);
}

PhaseTimers::Scope::~Scope() {
  settle();
  std::erase(timers_.open_, this);
}

void PhaseTimers::Scope::settle() {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  timers_.add(name_, seconds);
  timers_.add_span(name_, std::chrono::duration<double>(start_ - timers_.made_).count(), seconds);
  start_ = now;
}

void PhaseTimers::add_span(const std::string& name, double begin, double seconds) {
  if (!spans_.empty() && spans_.back().name == name) {
    TimedSpan& last = spans_.back();
    if (begin - (last.begin + last.seconds) < kGap) {
      last.seconds = begin + seconds - last.begin;
      return;
    }
  }
  spans_.push_back({name, begin, seconds});
}

void PhaseTimers::settle() {
  for (Scope* scope : open_) scope->settle();
}

void PhaseTimers::add(const std::string& name, double seconds) {
  seconds_[name] += seconds;
}

double PhaseTimers::seconds(const std::string& name) const {
  const auto found = seconds_.find(name);
  return found == seconds_.end() ? 0.0 : found->second;
}

std::vector<PhaseTime> PhaseTimers::summary(const Communicator& comm) const {
  const std::set<std::string> names = names_of_all(seconds_, comm);
  std::vector<double> sums;
  std::vector<double> extremes;  // pairs (seconds, -seconds): one maximum over ranks gives both ends
  for (const std::string& name : names) {
    sums.push_back(seconds(name));
    extremes.insert(extremes.end(), {seconds(name), -seconds(name)});
  }
  sum_over_ranks(host_buffer(sums), comm);
  max_over_ranks(host_buffer(extremes), comm);

  std::vector<PhaseTime> phases;
  for (const std::string& name : names) {
    const std::size_t k = phases.size();
    phases.push_back({name, -extremes[2 * k + 1], sums[k] / comm.size(), extremes[2 * k]});
  }
  return phases;
}

}  // namespace lift
