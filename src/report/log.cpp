#include "src/report/log.hpp"

#include <fmt/format.h>
#include <spdlog/details/log_msg_buffer.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <sstream>
#include <string>
#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/report/append_file.hpp"

namespace lift {
namespace {

using Message = spdlog::details::log_msg;
using OneThreadSink = spdlog::sinks::base_sink<spdlog::details::null_mutex>;

class ConsoleSink : public OneThreadSink {
 public:
  ConsoleSink(Console& console, std::string warning_prefix)
      : console_(&console), warning_prefix_(std::move(warning_prefix)) {}

 protected:
  void sink_it_(const Message& message) override {
    const std::string_view line(message.payload.data(), message.payload.size());
    if (message.level >= spdlog::level::warn) {
      console_->warn(warning_prefix_ + std::string(line));
    } else {
      console_->print(line);
    }
  }
  void flush_() override {}

 private:
  Console* console_;
  std::string warning_prefix_;
};

/// log.txt; keeps what is said before the file is open.
class FileSink : public OneThreadSink {
 public:
  void open(const std::filesystem::path& path) {
    file_ = std::make_unique<AppendFile>(path);
    for (const auto& message : kept_) sink_it_(message);
    kept_.clear();
  }
  void check() const {
    if (file_) file_->check();
  }

 protected:
  void sink_it_(const Message& message) override {
    if (!file_) {
      kept_.emplace_back(message);
      return;
    }
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_->append({line.data(), line.size()});
  }
  void flush_() override {}

 private:
  std::vector<spdlog::details::log_msg_buffer> kept_;
  std::unique_ptr<AppendFile> file_;
};

std::string warning_prefix(int rank) {
  return rank == 0 ? "lift: warning: " : fmt::format("lift: warning: rank {}: ", rank);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

struct Log::Sinks {
  Sinks(Console& console, int rank)
      : file_sink(std::make_shared<FileSink>()),
        console("lift", std::make_shared<ConsoleSink>(console, warning_prefix(rank))),
        file("lift", file_sink) {
    file.set_level(spdlog::level::debug);
    file.set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%SZ %l: %v",
                                                                   spdlog::pattern_time_type::utc, "\n"));
  }
  std::shared_ptr<FileSink> file_sink;
  spdlog::logger console;
  spdlog::logger file;
  std::string warnings;  ///< of a rank other than 0, not gathered yet, one a line
};

Log::Log(Console& console, int rank)
    : console_(&console), rank_(rank), sinks_(std::make_unique<Sinks>(console, rank)) {}

Log::~Log() = default;

void Log::info(std::string_view line) {
  if (!is_root()) return;
  sinks_->console.info(line);
  sinks_->file.info(line);
}

void Log::warn(std::string_view line) {
  sinks_->console.warn(line);
  if (is_root()) {
    sinks_->file.warn(line);
  } else {
    sinks_->warnings.append(line).append("\n");
  }
}

void Log::detail(std::string_view line) {
  if (is_root()) sinks_->file.debug(line);
}

void Log::block(std::string_view text) {
  for (const std::string& line : lines_of(std::string(text))) info(line);
}

void Log::open_file(const std::filesystem::path& path) {
  sinks_->file_sink->open(path);
}

void Log::check() const {
  sinks_->file_sink->check();
}

void Log::gather_warnings(const Communicator& comm) {
  const std::vector<std::string> all = gather_texts(sinks_->warnings, comm);
  sinks_->warnings.clear();
  if (!is_root()) return;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    for (const std::string& line : lines_of(all[rank])) sinks_->file.warn("rank {}: {}", rank, line);
  }
}

}  // namespace lift
