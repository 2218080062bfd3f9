#pragma once
#include <array>
#include <string>
#include <vector>

#include "mpi/philox.hpp"

namespace lift {

struct ExampleNoun {
  std::string singular;
  std::string plural;
  std::array<int, 3> adjectives{};  ///< that go with it, as indices of its topic's
  std::array<int, 3> verbs{};       ///< that it is the subject of
};

struct ExampleVerb {
  std::string base;
  std::string third;  ///< third person singular
  std::string past;   ///< past and past participle
  std::string gerund;
  std::array<int, 3> objects{};  ///< nouns that it is done to
};

/// The words of one subject, the usual ones first, and which of them go together.
struct ExampleTopic {
  std::vector<ExampleNoun> nouns;
  std::vector<ExampleVerb> verbs;
  std::vector<std::string> adjectives;
  std::vector<std::string> adverbs;
  std::vector<std::string> places;
  int first_year = 0;  ///< of the 60 years its articles speak of
};

struct ExampleName {
  std::string given;
  std::string family;
  bool female = false;
};

struct ExampleLexicon {
  ExampleTopic everyday;             ///< English words that every topic uses too
  std::vector<ExampleTopic> topics;  ///< made-up words
  std::vector<ExampleName> names;
};

/// The made-up language of the built-in example: a few thousand word forms, built from syllables and
/// inflected by the rules of English; a pure function of `philox`.
///
/// Test  tests/src/text/test_example_corpus.cpp
ExampleLexicon make_example_lexicon(const Philox& philox, int topics);

}  // namespace lift
