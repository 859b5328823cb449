#include "pulse/snapshot/merge.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace pulse::snapshot {

namespace {

std::string OnServer(const std::string& text, const std::string& source) {
    return text + " (source \"" + source + "\")";
}

// Parts of the definition that some server could not read.
void MergeUnreadable(const std::vector<ServerMeasurement>& parts, ServerMeasurement& whole) {
    for (const ServerMeasurement& part : parts)
        for (const segment::UnreadablePart& one : part.unreadable) {
            const auto known =
                std::find_if(whole.unreadable.begin(), whole.unreadable.end(),
                             [&](const segment::UnreadablePart& other) { return other.name == one.name; });
            const std::string reason = OnServer(one.reason, part.source);
            if (known == whole.unreadable.end())
                whole.unreadable.push_back({one.name, reason});
            else
                known->reason += "; " + reason;
        }
}

// A column with its type; types that differ, and servers without it, are shown, so that a change of one
// server is a change of the schema.
void MergeColumns(const std::vector<ServerMeasurement>& parts, ServerMeasurement& whole) {
    std::vector<std::string> names;
    std::map<std::string, std::map<std::string, std::string>> types;  // by name, then by server
    for (const ServerMeasurement& part : parts)
        for (const source::Column& column : part.columns) {
            if (!types.contains(column.name)) names.push_back(column.name);
            types[column.name][part.source] = column.type;
        }
    for (const std::string& name : names) {
        std::vector<std::string> different;
        std::string absent;
        for (const ServerMeasurement& part : parts) {
            const auto found = types[name].find(part.source);
            if (found == types[name].end())
                absent += (absent.empty() ? " (not on " : ", ") + part.source;
            else if (std::find(different.begin(), different.end(), found->second) == different.end())
                different.push_back(found->second);
        }
        std::string type;
        for (const std::string& one : different) type += (type.empty() ? "" : " or ") + one;
        whole.columns.push_back({name, type + (absent.empty() ? "" : absent + ")"), "", false});
    }
}

void MergeAttributes(const std::vector<ServerMeasurement>& parts, ServerMeasurement& whole) {
    for (size_t i = 0; i < parts.front().attributes.size(); ++i) {
        const std::string& name = parts.front().attributes[i];
        ColumnCounts merged(parts.front().scan.columns[i].kind);
        bool everywhere = true;
        for (const ServerMeasurement& part : parts) {
            const auto found = std::find(part.attributes.begin(), part.attributes.end(), name);
            if (found == part.attributes.end()) {
                everywhere = false;
                break;
            }
            const ColumnCounts& column =
                part.scan.columns[static_cast<size_t>(found - part.attributes.begin())];
            if (column.kind != merged.kind) {
                everywhere = false;
                whole.unreadable.push_back(
                    {"attribute " + name,
                     OnServer("attribute \"" + name + "\" has another type than elsewhere", part.source)});
                break;
            }
            merged.Merge(column);
        }
        if (!everywhere) continue;
        whole.attributes.push_back(name);
        whole.scan.columns.push_back(std::move(merged));
    }
}

// Counted where all have counted. The error is that of the number of members: variances add up.
void MergeClauses(const std::vector<ServerMeasurement>& parts, ServerMeasurement& whole) {
    ClauseCounts sum;
    double members = 0, variance = 0;
    for (const ServerMeasurement& part : parts) {
        if (!part.clauses) return;
        const ClauseCounts& one = *part.clauses;
        if (sum.texts.empty()) {
            sum.texts = one.texts;
            sum.passed.assign(one.texts.size(), 0);
            sum.missed_only.assign(one.texts.size(), 0);
        }
        if (one.texts != sum.texts) return;
        sum.rows += one.rows;
        for (size_t i = 0; i < sum.texts.size(); ++i) {
            sum.passed[i] += one.passed[i];
            sum.missed_only[i] += one.missed_only[i];
        }
        const double size = static_cast<double>(part.scan.size);
        members += size;
        variance += one.error * size * one.error * size;
    }
    sum.error = members > 0 ? std::sqrt(variance) / members : 0;
    whole.clauses = std::move(sum);
}

// Different keys of one server: counted exactly, or each row stands for one.
double KeysOf(const ScanResult& scan) {
    return scan.members.exact() ? scan.members.Cardinality()
                                : static_cast<double>(scan.size - scan.null_keys);
}

}  // namespace

ServerMeasurement MergeServers(const std::vector<ServerMeasurement>& parts, const MeasureSpec& spec) {
    ServerMeasurement whole;
    SketchBuilder members(spec.sketch_size);
    whole.has_converted = whole.has_active = true;
    for (const ServerMeasurement& part : parts) {
        whole.source += (whole.source.empty() ? "" : ", ") + part.source;
        whole.scan.size += part.scan.size;
        whole.scan.null_keys += part.scan.null_keys;
        whole.scan.converted += part.scan.converted;
        whole.scan.inactive += part.scan.inactive;
        members.Merge(part.scan.members);
        whole.has_converted &= part.has_converted;
        whole.has_active &= part.has_active;
        whole.plan_cost += part.plan_cost;
        whole.duration_ms = std::max(whole.duration_ms, part.duration_ms);
    }
    whole.scan.members = members.Build();
    MergeAttributes(parts, whole);
    MergeClauses(parts, whole);
    MergeColumns(parts, whole);
    MergeUnreadable(parts, whole);
    return whole;
}

KeyOverlap OverlapOfServers(const std::vector<ServerMeasurement>& parts) {
    // Below the smallest limit all sketches are complete: a uniform sample of all keys.
    uint64_t theta = Sketch::kEverything;
    for (const ServerMeasurement& part : parts) theta = std::min(theta, part.scan.members.theta);
    std::vector<uint64_t> sample;
    double keys = 0;
    for (const ServerMeasurement& part : parts) {
        const std::vector<uint64_t>& hashes = part.scan.members.hashes;
        sample.insert(sample.end(), hashes.begin(), std::lower_bound(hashes.begin(), hashes.end(), theta));
        keys += KeysOf(part.scan);
    }
    std::sort(sample.begin(), sample.end());
    // By different key: how often it is there once more.
    double different = 0, repeated = 0, squares = 0;
    for (auto key = sample.begin(); key != sample.end();) {
        const auto next = std::upper_bound(key, sample.end(), *key);
        const auto more = static_cast<double>(next - key - 1);
        ++different;
        repeated += more;
        squares += more * more;
        key = next;
    }
    if (theta == Sketch::kEverything) return {repeated, 0};
    // As in Compare(): the sizes are known, the sample gives the share r / (n + r), whose derivative carries
    // the error of r. A sample without repetitions does not prove that there are none: one key more with a
    // repetition, and one without.
    const double drawn = std::max(different + repeated, 1.0);
    const double mean = (repeated + 1) / (different + 2);
    const double variance = (squares + 1) / (different + 2) - mean * mean;
    const double unseen = 1 - std::ldexp(static_cast<double>(theta), -64);
    return {keys * repeated / drawn,
            keys * different / (drawn * drawn) * std::sqrt(different * variance * unseen)};
}

std::optional<double> CoverageOf(const std::vector<ServerShare>& servers) {
    double measured = 0, missing = 0;
    for (const ServerShare& server : servers) {
        if (server.size)
            measured += static_cast<double>(*server.size);
        else if (server.last_size)
            missing += static_cast<double>(*server.last_size);
        else
            return std::nullopt;
    }
    return missing > 0 ? measured / (measured + missing) : 1;
}

}  // namespace pulse::snapshot
