// Whether an automation of Pulse runs now: then what changes definitions, rights or decisions refuses to run.
#pragma once

namespace pulse::pg {

// While it lives, RefuseInAutomation() refuses. Scopes nest.
class AutomationScope {
  public:
    AutomationScope() { ++depth_; }
    ~AutomationScope() { --depth_; }
    AutomationScope(const AutomationScope&) = delete;
    AutomationScope& operator=(const AutomationScope&) = delete;

    static bool Active() { return depth_ > 0; }

  private:
    static inline int depth_ = 0;
};

// Throws UserError 55000 if an automation runs and the verb of this function, such as
// "pulse_update_segment()", changes a definition, a right, or what decides about actions. The functions that
// write data, such as pulse_track(), and those that only make things safer, such as pulse_freeze(), may run.
void RefuseInAutomation(const char* function);

}  // namespace pulse::pg
