#include "src/text/content_hash.hpp"

#include <fmt/format.h>

#include <new>

namespace lift {

ContentHash::ContentHash() : state_(XXH3_createState()) {
  if (!state_) throw std::bad_alloc();
  XXH3_128bits_reset(state_.get());
}

void ContentHash::add_text(std::string_view text) {
  add_number(static_cast<std::int64_t>(text.size()));
  XXH3_128bits_update(state_.get(), text.data(), text.size());
}

void ContentHash::add_number(std::int64_t number) {
  XXH3_128bits_update(state_.get(), &number, sizeof number);
}

std::string ContentHash::hex() const {
  const auto digest = XXH3_128bits_digest(state_.get());
  return fmt::format("{:016x}{:016x}", digest.high64, digest.low64);
}

}  // namespace lift
