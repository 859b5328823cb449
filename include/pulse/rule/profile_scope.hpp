// What names mean in rules about people, and in the filters of events. Pure C++; used by the compilers only.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/profile.hpp"

namespace pulse::rule {

// The expression behind last_seen_minutes_ago, lifecycle, consent.ads and the like, or nullptr.
const Expr* FindBuiltin(const Reference& reference);
// The trait that a reference names, also without trait(): or nullptr.
const std::string* TraitOf(const Reference& reference);

// The properties of one event.
class PropertyScope : public Scope {
  public:
    // SQL of the event's properties, and of those of the step before; empty where there is none.
    PropertyScope(std::string properties, std::string before = "")
        : properties_(std::move(properties)), before_(std::move(before)) {}

    Resolved Resolve(const Reference& reference, size_t position) const override;
    Resolved ResolveMetric(const Expr& expr) const override;

  private:
    std::string properties_, before_;
};

// One element of a list, as a parameter of SQL.
class ElementScope : public Scope {
  public:
    explicit ElementScope(std::string element) : element_(std::move(element)) {}

    Resolved Resolve(const Reference& reference, size_t position) const override;
    Resolved ResolveMetric(const Expr& expr) const override;

  private:
    std::string element_;
};

// A person. Collects what the rule reads while it is compiled.
class ProfileScope : public Scope {
  public:
    explicit ProfileScope(const ProfileNames& names) : names_(names) {}

    Resolved Resolve(const Reference& reference, size_t position) const override;
    Resolved ResolveMetric(const Expr& expr) const override;
    const Expr* Substitute(const Reference& reference) const override { return FindBuiltin(reference); }

    mutable std::vector<Metric> metrics;
    mutable std::vector<std::string> attributes, account_attributes;

  private:
    Resolved Attribute(const Reference& reference, const std::string& json,
                       std::vector<std::string>* read) const;

    const ProfileNames& names_;
    mutable std::vector<std::string> texts_;  // of metrics
};

}  // namespace pulse::rule
