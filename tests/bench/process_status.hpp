#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

namespace lift {

/// A field of /proc/PID/status that is an amount of memory, in bytes; −1 where there is none. PID 0: itself.
std::int64_t status_bytes(const std::string& field, pid_t process = 0);

/// Processor time of a process, all threads [s]. PID 0: itself.
double cpu_seconds(pid_t process = 0);

/// Sets this process's VmHWM back to what it has resident now.
void forget_peak_memory();

}  // namespace lift
