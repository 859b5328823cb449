// Reading several servers at the same time. The header is pure; its implementation uses the bridge.
#pragma once

#include <exception>
#include <functional>
#include <vector>

#include "pulse/source/reader.hpp"

namespace pulse::source {

// It was left because another source, without which it is of no use, was not read.
class Abandoned : public Unavailable {
  public:
    using Unavailable::Unavailable;
};

// A visit to one of several servers.
struct Visit {
    Target target;
    Usage usage;
    // Asks the same for the same answers: it runs again from its beginning with each answer that arrives.
    std::function<void(Reader&)> body;
    std::exception_ptr error;  // of the server or of `body`; null: it is done
};

// Visit several servers at the same time, as ReadTarget() visits one: each subject to its own guard rails,
// and none waits for another. Returns when all have ended; the failure of one is in its `error`. With
// `all_or_none`, the first failure ends the others as Abandoned. Throws only what concerns all, such as a
// cancel: all visits have ended then.
void ReadSideBySide(std::vector<Visit>& visits, bool all_or_none);

}  // namespace pulse::source
