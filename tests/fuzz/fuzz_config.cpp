#include "src/model/config.hpp"
#include "tests/fuzz/fuzz_target.hpp"

/// config.json; what is accepted must be written and read back the same, and its sizes must not overflow.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lift;
  put("config.json", text_of(data, size));
  Gpt2Config config;
  if (!is_parsed([&] { config = Gpt2Config::load(fuzz_folder()); })) return 0;
  put("config.json", config.to_json());
  require(Gpt2Config::load(fuzz_folder()) == config, "another configuration when read back");
  std::int64_t parameters = 0;
  for (const auto& spec : tensor_specs(config)) parameters += spec.size();
  require(parameters > 0, "no parameters");
  return 0;
}
