#pragma once
#include <string_view>

#include "src/text/vocabulary.hpp"

namespace lift {

/// Learns a vocabulary of `size` entries from `text`: the 256 bytes in GPT-2's order, merges, <|endoftext|>.
///
/// Method      Sennrich, Haddow and Birch 2016: each merge joins the most frequent pair of neighbours in a
///             word, ties going to the smaller (left, right) ids; counts are updated in the words that
///             change.
/// Throws      Error(usage) unless 257 ≤ size; Error(input) if `text` has too few pairs for that many merges.
/// Cost        O(merges × distinct pairs): 0.2 s for the built-in example's 1.5 MB and 768 entries.
/// Test        tests/src/text/test_tokenizer.cpp
Vocabulary train_vocabulary(std::string_view text, int size);

}  // namespace lift
