#include "src/text/byte_symbols.hpp"

#include <unicode/utf8.h>

#include <array>
#include <cstdint>

namespace lift {
namespace {

constexpr char32_t kFirstStandIn = 0x100;
constexpr int kBytes = 256;

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct SymbolTable {
  std::array<char32_t, kBytes> symbol{};
  std::array<unsigned char, kBytes> stand_in{};  ///< the byte written as U+0100 + k
  int stand_ins = 0;
};

constexpr SymbolTable make_table() {
  SymbolTable table;
  for (int byte = 0; byte < kBytes; ++byte) {
    if (stands_for_itself(byte)) {
      table.symbol[byte] = static_cast<char32_t>(byte);
    } else {
      table.stand_in[table.stand_ins] = static_cast<unsigned char>(byte);
      table.symbol[byte] = kFirstStandIn + static_cast<char32_t>(table.stand_ins++);
    }
  }
  return table;
}

constexpr SymbolTable kTable = make_table();

}  // namespace

char32_t byte_symbol(unsigned char byte) noexcept {
  return kTable.symbol[byte];
}

std::string to_symbols(std::string_view bytes) {
  std::string symbols;
  for (const char byte : bytes) {
    std::array<std::uint8_t, U8_MAX_LENGTH> units{};
    std::int32_t length = 0;
    U8_APPEND_UNSAFE(units, length, byte_symbol(static_cast<unsigned char>(byte)));
    symbols.append(units.begin(), units.begin() + length);
  }
  return symbols;
}

std::optional<std::string> from_symbols(std::string_view symbols) {
  std::string bytes;
  const auto length = static_cast<std::int64_t>(symbols.size());
  for (std::int64_t at = 0; at < length;) {
    UChar32 symbol = 0;
    U8_NEXT(symbols, at, length, symbol);
    if (symbol >= 0 && symbol < kBytes && stands_for_itself(symbol)) {
      bytes.push_back(static_cast<char>(symbol));
    } else if (symbol >= UChar32{kFirstStandIn} && symbol < UChar32{kFirstStandIn} + kTable.stand_ins) {
      bytes.push_back(static_cast<char>(kTable.stand_in[symbol - kFirstStandIn]));
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

std::string bytes_in_id_order() {
  std::string bytes;
  for (int byte = 0; byte < kBytes; ++byte) {
    if (stands_for_itself(byte)) bytes.push_back(static_cast<char>(byte));
  }
  for (int k = 0; k < kTable.stand_ins; ++k) bytes.push_back(static_cast<char>(kTable.stand_in[k]));
  return bytes;
}

}  // namespace lift
