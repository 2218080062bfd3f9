#include "mpi/stop_notice.hpp"

#include <vector>

#include "mpi/collectives.hpp"

namespace lift {
namespace {

constexpr int kTag = 1;

}  // namespace

StopNotice::StopNotice(const Communicator& comm) : comm_(comm.duplicate()) {}

void StopNotice::give(int signal) {
  if (gave_) return;
  gave_ = true;
  if (heard_ == 0) heard_ = signal;
  std::vector<MPI_Request> sends;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    if (rank == comm_.rank()) continue;
    sends.emplace_back();
    check_mpi(MPI_Isend(&signal, 1, MPI_INT, rank, kTag, comm_.handle(), &sends.back()), "MPI_Isend");
  }
  // So small a message leaves at once (eager), whether its receiver looks or not.
  check_mpi(MPI_Waitall(static_cast<int>(sends.size()), sends.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
}

int StopNotice::received() {
  int there = 0;
  MPI_Status status;
  check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kTag, comm_.handle(), &there, &status), "MPI_Iprobe");
  if (there != 0) receive(status.MPI_SOURCE);
  return heard_;
}

void StopNotice::receive(int source) {
  int signal = 0;
  check_mpi(MPI_Recv(&signal, 1, MPI_INT, source, kTag, comm_.handle(), MPI_STATUS_IGNORE), "MPI_Recv");
  ++arrived_;
  if (heard_ == 0) heard_ = signal;
}

void StopNotice::settle() {
  // Each that gave has given one to every other.
  const std::int64_t givers = sum_over_ranks(std::int64_t{gave_ ? 1 : 0}, comm_);
  const std::int64_t expected = givers - (gave_ ? 1 : 0);
  while (arrived_ < expected) receive(MPI_ANY_SOURCE);
}

}  // namespace lift
