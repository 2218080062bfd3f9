#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace lift {

/// Calls `take` with the `text` of each line of a .jsonl file, in order.
///
/// Every line that is not blank is one JSON object with a string `text`; its other keys are ignored.
/// Method      each line is parsed by events, so that what is ignored takes no memory.
/// Ownership   the view given to `take` is valid during the call only.
/// Throws      Error(input): `where`, the line (from 1), what is wrong with it (not JSON, not an object, no
///             `text`, one that is not a string, two of them) and what was expected.
/// Test        tests/src/text/test_json_documents.cpp; fuzzed by tests/fuzz/fuzz_jsonl.cpp
void for_each_document(std::string_view jsonl, const std::string& where,
                       const std::function<void(std::string_view)>& take);

}  // namespace lift
