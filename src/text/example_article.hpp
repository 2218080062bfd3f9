#pragma once
#include <string>

#include "src/text/dice.hpp"
#include "src/text/example_lexicon.hpp"

namespace lift {

/// One article on `topic` (an index of the lexicon's): a title, headings, paragraphs of a line each.
///
/// Sentences come from a small grammar with agreement of number and tense; an article keeps to its tense, a
/// person, a place, a few nouns and words that go together, so that a model gains from what it has read
/// before.
///
/// Test  tests/src/text/test_example_corpus.cpp
std::string write_example_article(const ExampleLexicon& lexicon, int topic, Dice dice);

}  // namespace lift
