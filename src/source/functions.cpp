// The SQL-callable functions of this room: arguments in, result out.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/source/store.hpp"

namespace pg = pulse::pg;
namespace source = pulse::source;

namespace {

source::OptionList ReadOptions(const std::vector<std::string>& texts) {
    source::OptionList options;
    for (const std::string& text : texts) {
        const size_t equals = text.find('=');
        options.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return options;
}

}  // namespace

PULSE_FUNCTION(pulse_source_validator) {
    const pg::Args args(fcinfo);
    const auto catalog = static_cast<Oid>(DatumGetObjectId(args.Raw(1)));
    pg::HideStatement([&] {
        const source::OptionList options = ReadOptions(args.Texts(0).value_or(std::vector<std::string>()));
        if (pg::IsServerCatalog(catalog))
            source::CheckOptions(source::Holder::kServer, options, pg::IsSuperuser());
        else if (pg::IsUserMappingCatalog(catalog))
            source::CheckOptions(source::Holder::kMapping, options, pg::IsSuperuser());
        else if (!options.empty())
            throw pulse::UserError("HV00D", "unknown option \"" + options[0].first + "\" of pulse_source", "",
                                   "Options belong to a server or to a user mapping.");
    });
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_create_source) {
    const pg::Args args(fcinfo);
    pg::ShowActivity("SELECT pulse_create_source(...)");
    pg::HideStatement([&] { source::Create(args.RequireText(0, "name"), args.RequireJsonb(1, "options")); });
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_test_source) {
    const std::vector<source::TestRow> rows = source::Test(pg::Args(fcinfo).RequireText(0, "name"));
    pg::ResultSet results(fcinfo);
    for (const source::TestRow& row : rows)
        results.Add({pg::Value::Text(row.item), pg::Value::Text(row.value), pg::Value::Text(row.verdict)});
    return pg::ResultSet::Done();
}
