#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <system_error>

namespace lift {
namespace {

constexpr std::size_t kLongestMessage = 1000;

void check_message(std::string_view message) {
  const auto is_control = [](unsigned char c) { return c < 0x20; };
  require(std::ranges::none_of(message, is_control), "the message has control characters");
  require(message.size() <= kLongestMessage, "the message is too long");
}

class MemoryFolder {
 public:
  MemoryFolder() {
    std::error_code ignored;
    const std::filesystem::path shared = "/dev/shm";
    const auto parent =
        std::filesystem::is_directory(shared, ignored) ? shared : std::filesystem::temp_directory_path();
    std::string pattern = parent / "lift-fuzz-XXXXXX";
    require(mkdtemp(pattern.data()) != nullptr, "no temporary folder");
    path_ = pattern;
  }
  ~MemoryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

bool is_parsed(const std::function<void()>& parse, std::initializer_list<ExitCode> codes) {
  try {
    parse();
    return true;
  } catch (const Error& error) {
    const bool expected = std::ranges::find(codes, error.code()) != codes.end();
    if (!expected) std::fprintf(stderr, "%s\n", error.what());
    require(expected, "another exit code than a bad input has");
    check_message(error.what());
    return false;
  }
}

void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

const std::filesystem::path& fuzz_folder() {
  static const MemoryFolder folder;
  return folder.path();
}

std::filesystem::path put(const std::string& name, std::string_view bytes) {
  const auto path = fuzz_folder() / name;
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  require(stream.good(), "the input cannot be written");
  return path;
}

}  // namespace lift
