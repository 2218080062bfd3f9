#include "src/text/token_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <system_error>

#include "mpi/error.hpp"

namespace lift {
namespace {

constexpr std::int64_t kTokenBytes = 2;
constexpr std::int64_t kHeaderBytes = 256 * 4;
constexpr std::int32_t kMagic = 20240520;
constexpr std::int32_t kEvaluationMagic = 20240522;  ///< HellaSwag and MMLU: questions, not a text
constexpr std::int32_t kLlamaMagic = 20240801;       ///< tokens of Llama 3, as uint32
constexpr std::int32_t kVersion = 1;

/// What the beginning of llm.c's header says.
struct Header {
  std::int32_t magic = 0;
  std::int32_t version = 0;
  std::int32_t tokens = 0;
};
constexpr std::size_t kReadOfHeader = 3 * 4;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw Error(ExitCode::input, fmt::format("{}: {}", file.string(), what));
}

std::int32_t int_at(const char* bytes) {
  std::uint32_t value = 0;
  for (unsigned k = 0; k < 4; ++k) value |= std::uint32_t{static_cast<unsigned char>(bytes[k])} << (8 * k);
  return static_cast<std::int32_t>(value);
}

Token token_at(const char* bytes) {
  return static_cast<unsigned char>(bytes[0]) | static_cast<unsigned char>(bytes[1]) << 8;
}

std::ifstream open(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream.is_open()) refuse(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  return stream;
}

std::int64_t bytes_of(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) refuse(path, "is a folder, expected a file");
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) refuse(path, fmt::format("cannot be read: {}", error.message()));
  return static_cast<std::int64_t>(bytes);
}

/// The header's beginning; zeros where the file ends before.
Header read_header(const std::filesystem::path& path) {
  std::array<char, kReadOfHeader> bytes{};
  auto stream = open(path);
  stream.read(bytes.data(), bytes.size());
  if (stream.bad()) refuse(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  return {int_at(bytes.data()), int_at(bytes.data() + 4), int_at(bytes.data() + 8)};
}

bool is_plain_name(const std::filesystem::path& path) {
  constexpr std::array kPlainNames{"train.bin", "valid.bin", "val.bin", "test.bin"};
  return std::ranges::find(kPlainNames, path.filename().string()) != kPlainNames.end();
}

bool is_magic(std::int32_t number) {
  return number == kMagic || number == kEvaluationMagic || number == kLlamaMagic;
}

const char* meaning_of(std::int32_t magic) {
  switch (magic) {
    case kLlamaMagic:
      return " (Llama 3's uint32 tokens)";
    case kEvaluationMagic:
      return " (questions with several answers)";
    default:
      return " (nanoGPT's tokens without a header are read from train.bin, val.bin, test.bin)";
  }
}

/// Throws unless the header is one of uint16 tokens and agrees with the file's `bytes`.
void check(const Header& header, std::int64_t bytes, const std::filesystem::path& path) {
  if (header.magic != kMagic) {
    refuse(path, fmt::format("begins with the magic number {}{}, expected {}: llm.c's uint16 tokens",
                             header.magic, meaning_of(header.magic), kMagic));
  }
  if (bytes < kHeaderBytes) {
    refuse(path, fmt::format("has {} bytes, expected llm.c's header of {}", bytes, kHeaderBytes));
  }
  if (header.version != kVersion) {
    refuse(path, fmt::format("has version {} in llm.c's header, expected {}", header.version, kVersion));
  }
  if (header.tokens < 0 || bytes != kHeaderBytes + kTokenBytes * header.tokens) {
    refuse(path, fmt::format("has {} tokens by its header, but {} bytes after it, expected 2 a token "
                             "(truncated?)",
                             header.tokens, bytes - kHeaderBytes));
  }
}

}  // namespace

TokenFiles::TokenFiles(const std::vector<std::filesystem::path>& files) {
  for (const auto& path : files) {
    files_.push_back(inspect(path));
    size_ += files_.back().tokens;
  }
}

TokenFiles::File TokenFiles::inspect(const std::filesystem::path& path) {
  const std::int64_t bytes = bytes_of(path);
  const Header header = read_header(path);
  if (is_magic(header.magic) || !is_plain_name(path)) {
    check(header, bytes, path);
    return {path, kHeaderBytes, header.tokens};
  }
  if (bytes % kTokenBytes != 0) {
    refuse(path, fmt::format("has {} bytes, expected an even number: uint16 tokens", bytes));
  }
  return {path, 0, bytes / kTokenBytes};
}

std::vector<Token> TokenFiles::first(std::int64_t count, int vocabulary) const {
  std::vector<Token> tokens;
  tokens.reserve(static_cast<std::size_t>(count));
  for (const auto& file : files_) {
    const auto missing = count - static_cast<std::int64_t>(tokens.size());
    if (missing > 0) append(file, std::min(missing, file.tokens), vocabulary, tokens);
  }
  return tokens;
}

void TokenFiles::append(const File& file, std::int64_t count, int vocabulary, std::vector<Token>& tokens) {
  std::vector<char> buffer(std::size_t{1} << 16U);
  auto stream = open(file.path);
  stream.seekg(file.begin);
  for (std::int64_t done = 0; done < count;) {
    const auto now = std::min(count - done, static_cast<std::int64_t>(buffer.size()) / kTokenBytes);
    if (!stream.read(buffer.data(), now * kTokenBytes)) {
      refuse(file.path, fmt::format("cannot be read beyond token {}", done));
    }
    for (std::int64_t k = 0; k < now; ++k) {
      const Token token = token_at(&buffer[static_cast<std::size_t>(k * kTokenBytes)]);
      if (token >= vocabulary) {
        refuse(file.path,
               fmt::format("token {} (counted from 0) is {}, expected 0 to {}: the model's vocabulary",
                           done + k, token, vocabulary - 1));
      }
      tokens.push_back(token);
    }
    done += now;
  }
}

}  // namespace lift
