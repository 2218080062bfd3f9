#pragma once
#include <xxhash.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lift {

/// XXH3-128 of a sequence of texts and numbers; a text counts with its length, so that cuts matter.
class ContentHash {
 public:
  ContentHash();
  void add_text(std::string_view text);
  void add_number(std::int64_t number);
  [[nodiscard]] std::string hex() const;  ///< of all added so far: 32 hexadecimal digits

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

}  // namespace lift
