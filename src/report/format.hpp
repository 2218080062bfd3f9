#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace lift {

/// "0.42 s", "7.1 s", "42 s", "3 min 12 s", "1 h 03 min", "2 d 04 h"; "?" if not finite or negative.
[[nodiscard]] std::string format_duration(double seconds);
/// With thousands apart: 16532736 → "16,532,736".
[[nodiscard]] std::string format_count(std::int64_t count);
/// "512 B", "1.2 KiB", "3.4 GiB".
[[nodiscard]] std::string format_bytes(std::int64_t bytes);

/// Terminal columns that UTF-8 text of single-width characters takes.
[[nodiscard]] int display_width(std::string_view text);
/// The part of UTF-8 `text` that fits into `width` columns.
[[nodiscard]] std::string_view first_columns(std::string_view text, int width);

}  // namespace lift
