// A statement that evaluates one person after the other reads the events of many in one query. For entry code
// of this room.
#pragma once

#include <set>

#include "pulse/trait/store_evaluate.hpp"

namespace pulse::trait {

// Metrics read from the events, by their text.
using Measured = std::map<std::string, MetricValue>;
// The metrics that a reader reads, in its order: text and type.
using MetricColumn = std::pair<const std::string*, Oid>;
using MetricColumns = std::vector<MetricColumn>;

// People whose events are read together.
class PeopleBlock {
  public:
    PeopleBlock(std::vector<int64_t> people, Moment now, MemoryContext context);

    // Read metrics of everybody. False if it fails for somebody, or would read one value: then ReadAlone()
    // reads each, so that only what cannot be read fails.
    bool Read(MetricReader& reader, const MetricColumns& columns);
    const MetricValue& ReadAlone(int64_t person, MetricReader& reader, const MetricColumn& column);
    Measured& Of(int64_t person) { return measured_[person]; }
    bool Has(int64_t person) const;
    // As profile::ExistedAt().
    bool Existed(const profile::Person& person);
    size_t size() const { return people_.size(); }

  private:
    std::vector<int64_t> people_;  // ascending
    Moment now_;
    MemoryContext context_;  // of the values
    std::map<int64_t, Measured> measured_;
    std::set<const MetricReader*> failed_;
    std::optional<std::set<int64_t>> existed_;
};

// Chooses the blocks of a statement. Who comes next is a guess: by ascending id, or else by place in
// pulse.profile, which are the orders of its scans. A block is twice as large as the one before if the
// statement used most of that, and small again if not; after a few wrong guesses everybody is read alone.
class ReadAhead {
  public:
    // That of the calling statement. Only for functions that return sets: others can be called without a
    // statement of their own, and would see blocks of an older snapshot.
    static ReadAhead& Of(FunctionCallInfo fcinfo);
    explicit ReadAhead(MemoryContext context) : context_(context) {}

    PeopleBlock& BlockOf(int64_t person, Moment now, const Program& program);

  private:
    MemoryContext context_;  // of the current block
    std::optional<PeopleBlock> block_;
    Moment now_ = 0;
    uint64_t program_ = 0;
    size_t used_ = 0;  // of the current block
    size_t next_size_ = 1;
    bool by_place_ = false;
    int wrong_ = 0;

    void Learn();
};

}  // namespace pulse::trait
