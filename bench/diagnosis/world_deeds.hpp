// What can happen to the people of a world in one day. Each returns false when the world does not allow it.
#pragma once

#include <algorithm>

#include "world.hpp"

namespace pulse::bench {

template <typename Test>
void Remove(World& world, const Test& test) {
    world.people.erase(std::remove_if(world.people.begin(), world.people.end(), test), world.people.end());
}

// An attribute and one of its values whose share among members lies between the bounds.
struct Spot {
    size_t attribute = 0;
    int value = -1;
};

// Value -1: none found.
Spot FindSpot(const World& world, Random& random, double low, double high);

// Add a value that nobody has yet.
int NewLabel(World& world, size_t attribute, const std::string& label);

// A value with at least that share gets another name, for all people or most.
bool Rename(World& world, Random& random, double low);
// Some people have the value in another spelling.
bool RenamePart(World& world, Random& random);
// Part 1: the value is gone; less: lost. Newcomers lack it alike.
bool Lose(World& world, Random& random, double low, double high, double part);
// A column is emptied, for some or all.
bool Null(World& world, Random& random);
// Many come with one value.
bool Grow(World& world, Random& random);

}  // namespace pulse::bench
