// What can happen to a segment, with the history before it. Each returns false when the scene does not allow
// it.
#pragma once

#include "scene.hpp"

namespace pulse::bench {

bool ChangeRule(Scene& scene, Random& random, bool tighten);
// The same deed in other segments over the same table: other people, the same breakage.
bool ShareDeed(Scene& scene, Random& random);
// People follow others with other values; with `converts` these convert differently.
bool ShiftMix(Scene& scene, Random& random, bool converts);
// The rule names the value; the segment may measure the column as an attribute, or not.
bool RenameOutside(Scene& scene, Random& random, bool measured);
// People with certain values of several attributes are lost, in part or all of them, or many more of them
// come.
bool Combine(Scene& scene, Random& random, int dimensions, bool lose);
// The newest measurement fails.
bool Fail(Scene& scene, Random& random, const char* state, const char* text);
bool ChangeSchema(Scene& scene, Random& random);

}  // namespace pulse::bench
