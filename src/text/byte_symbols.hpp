#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace lift {

/// The printable stand-in in which GPT-2's files write a byte: itself if it is printable in Latin-1 and not a
/// space, else the next free code point from U+0100 on (so a space is "Ġ", a newline "Ċ").
char32_t byte_symbol(unsigned char byte) noexcept;

/// `bytes` in byte symbols, as UTF-8.
std::string to_symbols(std::string_view bytes);

/// The bytes that `symbols` stands for; nothing if it holds a character that is no byte symbol.
std::optional<std::string> from_symbols(std::string_view symbols);

/// All 256 bytes in the order of their symbols' first table: the order of the ids of GPT-2.
std::string bytes_in_id_order();

}  // namespace lift
