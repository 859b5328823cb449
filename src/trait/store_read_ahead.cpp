#include "pulse/trait/store_read_ahead.hpp"

#include <algorithm>

#include "pulse/pg/aggregate.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/trait/store_unsettled.hpp"

namespace pulse::trait {

namespace {

constexpr size_t kMostPeople = 500;
constexpr int kMostWrong = 4;

// A person and those who come next.
std::vector<int64_t> NextPeople(int64_t person, size_t count, bool by_place) {
    std::vector<int64_t> people{person};
    if (count == 1) return people;
    static pg::Statement by_id(
        "SELECT id FROM pulse.profile WHERE id > $1 AND canonical_id = id ORDER BY id LIMIT $2",
        {INT8OID, INT8OID});
    static pg::Statement after(
        "SELECT id FROM pulse.profile WHERE ctid > (SELECT p.ctid FROM pulse.profile AS p WHERE p.id = $1)"
        " AND canonical_id = id LIMIT $2",
        {INT8OID, INT8OID});
    const ForceIndexPlans force_index_plans;
    const pg::Session session;
    const pg::Result rows =
        (by_place ? after : by_id)
            .Execute({pg::Value::Int8(person), pg::Value::Int8(static_cast<int64_t>(count) - 1)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i) people.push_back(rows[i].Int8(0));
    return people;
}

}  // namespace

PeopleBlock::PeopleBlock(std::vector<int64_t> people, Moment now, MemoryContext context)
    : people_(std::move(people)), now_(now), context_(context) {
    std::sort(people_.begin(), people_.end());
}

bool PeopleBlock::Has(int64_t person) const {
    return std::binary_search(people_.begin(), people_.end(), person);
}

bool PeopleBlock::Read(MetricReader& reader, const MetricColumns& columns) {
    // A parallel plan allows no subtransaction.
    if (people_.size() * columns.size() == 1 || failed_.contains(&reader) || IsInParallelMode()) return false;
    try {
        pg::Subtransaction apart;
        {
            const ForceIndexPlans force_index_plans;
            const pg::Session session;
            const pg::Result rows = reader.Ask(people_, std::vector<Moment>(people_.size(), now_));
            const pg::ContextScope in_context(context_);
            for (uint64_t r = 0; r < rows.size(); ++r) {
                Measured& measured = measured_[rows[r].Int8(0)];
                for (size_t i = 0; i < columns.size(); ++i)
                    measured[*columns[i].first] = ReadMetric(rows[r], i, columns[i].second);
            }
        }
        apart.Commit();
        return true;
    } catch (...) {
        DescribeFailure(people_[0], "");
        failed_.insert(&reader);
        return false;
    }
}

const MetricValue& PeopleBlock::ReadAlone(int64_t person, MetricReader& reader, const MetricColumn& column) {
    const ForceIndexPlans force_index_plans;
    const pg::Session session;
    const pg::Result rows = reader.Ask({person}, {now_});
    const pg::ContextScope in_context(context_);
    return measured_[person][*column.first] = ReadMetric(rows[0], 0, column.second);
}

bool PeopleBlock::Existed(const profile::Person& person) {
    if (person.first_seen_at <= now_) return true;
    if (!existed_) existed_ = profile::ExistedAt(people_, now_);
    return existed_->contains(person.id);
}

ReadAhead& ReadAhead::Of(FunctionCallInfo fcinfo) {
    FmgrInfo& call = *fcinfo->flinfo;
    if (!call.fn_extra) {
        MemoryContext values = pg::Call([&] {
            return AllocSetContextCreate(call.fn_mcxt, "pulse: people read ahead", ALLOCSET_DEFAULT_SIZES);
        });
        call.fn_extra = pg::Keep(call.fn_mcxt, std::make_unique<ReadAhead>(values));
    }
    return *static_cast<ReadAhead*>(call.fn_extra);
}

// From how much of the current block was used.
void ReadAhead::Learn() {
    if (wrong_ == kMostWrong) return;
    if (used_ * 2 > block_->size()) {
        next_size_ = std::min(block_->size() * 2, kMostPeople);
        if (next_size_ == kMostPeople) wrong_ = 0;
        return;
    }
    by_place_ = !by_place_;
    next_size_ = ++wrong_ == kMostWrong ? 1 : 2;
}

PeopleBlock& ReadAhead::BlockOf(int64_t person, Moment now, const Program& program) {
    // A cursor keeps its snapshot, but the clock and the definitions can change between two fetches.
    const bool current = block_ && now_ == now && program_ == program.number;
    if (!current || !block_->Has(person)) {
        if (current) Learn();
        std::vector<int64_t> people = NextPeople(person, next_size_, by_place_);
        block_.reset();
        MemoryContextReset(context_);
        block_.emplace(std::move(people), now, context_);
        now_ = now;
        program_ = program.number;
        used_ = 0;
    }
    ++used_;
    return *block_;
}

}  // namespace pulse::trait
