// Reads what a report says. For entry code.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/pg/spi.hpp"
#include "pulse/report/figures.hpp"

namespace pulse::report {

// The figures of a period (empty: the default) as the current role may see them, in the snapshot of the
// current statement. Opens its own sessions. Throws UserError 22023, 42704.
Figures ReadFigures(const ReportOptions& options, const std::optional<Moment>& since,
                    const std::optional<Moment>& until);

// ---- inside this room; with a session as the role that sees ----

// Names of the segments that the report is about; nothing: all of them.
using ChosenNames = std::optional<std::vector<std::string>>;
pg::Value NamesOrNull(const ChosenNames& chosen);

// Why the role does not see a relation; empty if it may read it.
std::string WhyHidden(const std::string& relation);

// Fills a list with the rows of a statement, whose last column is the number of all rows; `make` makes an
// item of a row. False: the role may not read the relation, and the list says so.
template <typename Item, typename Make>
bool ReadList(List<Item>& list, const char* relation, const char* sql,
              const std::vector<pg::Value>& parameters, const Make& make) {
    list.hidden = WhyHidden(relation);
    if (!list.hidden.empty()) return false;
    const pg::Result rows = pg::Execute(sql, parameters, true);
    const int last = rows.empty() ? 0 : static_cast<int>(rows.ColumnNames().size()) - 1;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        list.total = row.Int8(last);
        list.rows.push_back(make(row));
    }
    return true;
}

void ReadSegments(Figures& figures, const ChosenNames& chosen);
void ReadIncidents(Figures& figures, const ChosenNames& chosen);
void ReadTables(Figures& figures);
void ReadEvents(Figures& figures);
void ReadAudiences(Figures& figures, const ChosenNames& chosen);
void ReadTrust(Figures& figures);
void ReadMessages(Figures& figures);
void ReadMission(Figures& figures, const ChosenNames& chosen);

// Adds the diagnoses of the worst incidents; with a session of the owner.
void ExplainIncidents(Figures& figures);

}  // namespace pulse::report
