#include "pulse/trait/store_batch_metrics.hpp"

#include <algorithm>

#include "pulse/trait/store_incremental.hpp"

namespace pulse::trait {

bool BatchMetrics::ApplyIncrementally(BatchPerson& person, const MetricGroup& group) const {
    std::vector<std::pair<size_t, MetricValue>> applied;
    const std::vector<std::string>& events = program_.metrics[group.metrics[0]].sql.events;
    for (const size_t place : group.metrics) {
        const StoredMetric& metric = program_.metrics[place];
        if (!CoversMetric(program_.index, batch_, place, person.state.profile)) continue;
        std::optional<MetricValue> measured =
            StoredValueAt(metric, FindById(person.state.metrics, metric.id), person.at);
        if (!measured) return false;
        for (const profile::NewEvent& event : *person.change->happened) {
            if (!events.empty() && std::find(events.begin(), events.end(), event.name) == events.end())
                continue;
            if (!metric.incremental->Add(event, person.at, *measured)) return false;
        }
        applied.emplace_back(place, std::move(*measured));
    }
    for (auto& [place, measured] : applied) person.read[place] = std::move(measured);
    return true;
}

void BatchMetrics::Read(std::span<BatchPerson*> people, rule::EventRows rows) const {
    std::vector<std::vector<BatchPerson*>> wanted(program_.groups.size());
    for (BatchPerson* person : people)
        for (const size_t group : person->affected.read) wanted[group].push_back(person);
    for (size_t g = 0; g < wanted.size(); ++g) {
        if (wanted[g].empty()) continue;
        pg::CheckInterrupts();
        std::vector<int64_t> ids;
        std::vector<Moment> instants;
        std::map<int64_t, BatchPerson*> places;
        for (BatchPerson* person : wanted[g]) {
            ids.push_back(person->state.profile);
            instants.push_back(person->at);
            places[ids.back()] = person;
        }
        const MetricGroup& group = program_.groups[g];
        const pg::Result found = group.reader->Read(ids, instants, rows);
        for (uint64_t r = 0; r < found.size(); ++r)
            StoreValues(group.metrics, found[r], *places.at(found[r].Int8(0)));
    }
}

void BatchMetrics::ReadOne(BatchPerson& person, size_t metric, rule::EventRows rows) const {
    MetricReader reader({rule::ParseMetric(program_.metrics[metric].text)});
    StoreValues({metric}, reader.Read({person.state.profile}, {person.at}, rows)[0], person);
}

MetricValue BatchMetrics::Of(const BatchPerson& person, size_t place) const {
    const auto found = person.read.find(place);
    if (found != person.read.end()) return found->second;
    const StoredMetric& metric = program_.metrics[place];
    const pg::Timed* timed = FindById(person.state.metrics, metric.id);
    if (const auto state = StoredValueAt(metric, timed, person.at)) return *state;
    throw std::logic_error("metric " + metric.text + " was not read");
}

std::vector<pg::Timed> BatchMetrics::Collect(const BatchPerson& person) const {
    std::vector<pg::Timed> collected;
    auto read = person.read.begin();
    const auto add_read = [&] {
        const StoredMetric& metric = program_.metrics[read->first];
        if (CoversMetric(program_.index, batch_, read->first, person.state.profile) &&
            !IsEmptyValue(metric, read->second))
            collected.push_back({metric.id, pg::ToJsonb(read->second.value), read->second.until});
        ++read;
    };
    for (const pg::Timed& timed : person.state.metrics) {
        while (read != person.read.end() && program_.metrics[read->first].id < timed.number) add_read();
        if (read != person.read.end() && program_.metrics[read->first].id == timed.number) {
            add_read();
        } else if (trait::IndexOf(program_.metrics, timed.number) != kNotStored) {
            collected.push_back(timed);
        }
    }
    while (read != person.read.end()) add_read();
    return collected;
}

void BatchMetrics::StoreValues(const std::vector<size_t>& metrics, const pg::Row& row,
                               BatchPerson& person) const {
    for (size_t i = 0; i < metrics.size(); ++i)
        person.read[metrics[i]] = ReadMetric(row, i, program_.metrics[metrics[i]].type);
}

}  // namespace pulse::trait
