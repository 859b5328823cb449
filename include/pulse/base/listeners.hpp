// Calls from a room to later rooms, which register when the library is loaded. Pure C++; constant
// initialisation, so that lists exist before anything registers.
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>

namespace pulse {

// A list of functions that are all called, in the order of registration.
template <typename... Args>
class Listeners {
  public:
    using Function = void (*)(Args...);

    // Returns true, so that a constant can register it. Throws if there are too many.
    bool Add(Function function) {
        functions_.at(size_) = function;
        ++size_;
        return true;
    }

    void Notify(Args... args) const {
        for (size_t i = 0; i < size_; ++i) functions_[i](args...);
    }

  private:
    std::array<Function, 8> functions_{};
    size_t size_ = 0;
};

// A function that exactly one later room implements. A second registration is an error.
template <typename Interface>
class Implementation {
  public:
    // Returns true, so that a constant can register it. Throws if one is registered.
    bool Set(const Interface& interface) {
        if (set_) throw std::logic_error("two rooms implement the same interface");
        interface_ = interface;
        set_ = true;
        return true;
    }

    const Interface& Get() const { return interface_; }

  private:
    Interface interface_{};
    bool set_ = false;
};

}  // namespace pulse
