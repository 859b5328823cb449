// The setting pulse.now, which replays history.
#include <algorithm>

#include "pulse/pg/settings.hpp"

extern "C" {
#include "utils/datetime.h"
}

namespace pulse::pg {

namespace {

char* now_text = nullptr;

// pulse.now parsed once per assignment; `extra` of the GUC carries it.
struct ParsedNow {
    bool set;
    TimestampTz moment;
};
ParsedNow parsed_now{false, 0};

#if PG_VERSION_NUM >= 160000
void* Allocate(size_t size) {
    return guc_malloc(LOG, size);
}
void Free(void* memory) {
    guc_free(memory);
}
#else
void* Allocate(size_t size) {
    return malloc(size);
}
void Free(void* memory) {
    free(memory);
}
#endif

// Parse a timestamp; returns false if it is not one. The input function does nothing that needs a rollback,
// so its data errors can be caught here; other errors are rethrown.
bool ParseTimestamp(const char* text, TimestampTz* moment) {
    MemoryContext caller = CurrentMemoryContext;
    volatile bool ok = true;
    PG_TRY();
    {
        *moment = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
                                                          ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
    }
    PG_CATCH();
    {
        if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION) PG_RE_THROW();
        MemoryContextSwitchTo(caller);
        FlushErrorState();
        ok = false;
    }
    PG_END_TRY();
    return ok;
}

// 'now', 'today' and the like would change their meaning with time.
bool IsFixed(const char* text) {
    for (const char* word : {"now", "today", "tomorrow", "yesterday", "infinity"})
        if (strcasestr(text, word)) return false;
    return true;
}

// Write the instant independently of TimeZone and DateStyle: parallel workers read the
// text of the setting again, and get the settings in any order.
bool Canonicalize(char** value, TimestampTz moment) {
    struct pg_tm parts;
    fsec_t fraction;
    int zone;
    const char* zone_name;
    char text[MAXDATELEN + 1];
    if (timestamp2tm(moment, &zone, &parts, &fraction, &zone_name, nullptr) != 0) return false;
    EncodeDateTime(&parts, fraction, true, zone, zone_name, USE_ISO_DATES, text);
    auto* copy = static_cast<char*>(Allocate(strlen(text) + 1));
    if (!copy) return false;
    strcpy(copy, text);
    Free(*value);
    *value = copy;
    return true;
}

// Windows and durations of up to 1000 years lead out of these years, but not out of a timestamp's range.
bool IsPlausible(Moment moment) {
    static const Moment first = *ParseMoment("0001-01-01"), last = *ParseMoment("9999-12-31T23:59:59.999999");
    return moment >= first && moment <= last;
}

bool CheckNow(char** value, void** extra, GucSource source) {
    ParsedNow parsed{false, 0};
    if (*value && **value) {
        const char* problem = nullptr;
        if (!IsFixed(*value))
            problem = "\"%s\" is not a fixed instant.";
        else if (!ParseTimestamp(*value, &parsed.moment))
            problem = "\"%s\" is not a timestamp.";
        else if (!IsPlausible(parsed.moment))
            problem = "\"%s\" is not in the years 1 to 9999.";
        if (problem) {
            GUC_check_errdetail(problem, *value);
            GUC_check_errhint("Give a date or a timestamp such as '2011-03-01' or '2011-03-01 06:00+00'.");
            return false;
        }
        parsed.set = true;
        if (!Canonicalize(value, parsed.moment)) return false;
    }
    auto* copy = static_cast<ParsedNow*>(Allocate(sizeof(ParsedNow)));
    if (!copy) return false;
    *copy = parsed;
    *extra = copy;
    return true;
}

void AssignNow(const char* value, void* extra) {
    parsed_now = extra ? *static_cast<ParsedNow*>(extra) : ParsedNow{false, 0};
}

}  // namespace

void settings::DefineNow() {
    DefineCustomStringVariable(
        "pulse.now",
        "Sets the time that Pulse uses as the current time; empty means the start of the transaction.",
        "Use it to measure a segment as of a past time.", &now_text, "", PGC_USERSET, 0, CheckNow, AssignNow,
        nullptr);
}

Moment Now() {
    return parsed_now.set ? parsed_now.moment : GetCurrentTransactionStartTimestamp();
}

Moment LatestNow() {
    return parsed_now.set ? parsed_now.moment : std::max(Now(), GetCurrentTimestamp());
}

Moment PastNow() {
    const Moment now = Now();
    if (now > GetCurrentTimestamp())
        throw UserError(sqlstate::kInvalidParameter, "pulse.now lies in the future",
                        "It is " + FormatMoment(now) + ".", "RESET pulse.now, or set it to a past moment.");
    return now;
}

}  // namespace pulse::pg
