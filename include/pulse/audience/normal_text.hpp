// Texts as they are before hashing: blanks, punctuation, titles, states. Pure C++.
#pragma once

#include <string>
#include <string_view>

namespace pulse::audience {

// Without blanks, line breaks and invisible characters at both ends, or anywhere.
std::string Trimmed(std::string_view text);
std::string WithoutSpaces(std::string_view text);
bool HasSpaces(std::string_view text);

// Letters of any script and single blanks between words; everything else is removed. The text is in lower
// case.
std::string LettersAndBlanks(std::string_view text);

// Without titles before a name and what follows it, such as "dr" and "jr"; a name that is nothing else stays.
std::string WithoutTitles(const std::string& name);

// The two letters of a state of the United States, from its name without blanks or its letters; empty if it
// is none.
std::string_view StateCode(std::string_view state);

}  // namespace pulse::audience
