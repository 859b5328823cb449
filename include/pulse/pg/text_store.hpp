// Texts that are written once and then read in the same order, in a temporary file when they are many. It
// lives until the end of the transaction level that made it: a subtransaction may fill it and be rolled back.
#pragma once

#include <optional>
#include <string>

namespace pulse::pg {

class TextStore {
  public:
    // Keeps up to work_mem in memory.
    TextStore();
    ~TextStore();
    TextStore(const TextStore&) = delete;
    TextStore& operator=(const TextStore&) = delete;

    void Put(const std::string& text);
    // Forgets all of it.
    void Clear();
    // The next text; nothing at the end. No Put() after the first call.
    std::optional<std::string> Next();

  private:
    struct State;
    State* state_;
};

}  // namespace pulse::pg
