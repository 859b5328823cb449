#include "pulse/trait/macro.hpp"

#include <array>

namespace pulse::trait {

namespace {

// Constant initialisation: it exists before any room registers.
constinit std::array<MacroSource, 4> sources{};
constinit size_t source_count = 0;

}  // namespace

bool RegisterMacros(const MacroSource& source) {
    sources.at(source_count) = source;
    ++source_count;
    return true;
}

rule::ExprPtr FindMacro(const std::string& name, Moment at, size_t position) {
    for (size_t i = 0; i < source_count; ++i)
        if (sources[i].defines(name)) return sources[i].find(name, at, position);
    return nullptr;
}

uint64_t MacroVersion(Moment at) {
    uint64_t version = 0;
    for (size_t i = 0; i < source_count; ++i)
        version = version * 1'000'003 + static_cast<uint64_t>(sources[i].version(at));
    return version;
}

std::vector<std::string> MacroValues(const std::string& name) {
    for (size_t i = 0; i < source_count; ++i)
        if (sources[i].values && sources[i].defines(name)) return sources[i].values(name);
    return {};
}

void GuardSegment(const std::string& segment) {
    for (size_t i = 0; i < source_count; ++i)
        if (sources[i].guard) sources[i].guard(segment);
}

}  // namespace pulse::trait
