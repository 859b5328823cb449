// The table of routes, put together from the files of the families.
#include "pulse/web/routes.hpp"

namespace pulse::web {

const char* Name(Family family) {
    switch (family) {
        case Family::kPulse: return "pulse";
        case Family::kTinyCdp: return "tinycdp";
        case Family::kSegment: return "segment";
        case Family::kOfrep: return "ofrep";
        case Family::kStratum: return "stratum";
    }
    return "pulse";
}

const char* Name(Access access) {
    switch (access) {
        case Access::kNone: return "none";
        case Access::kSend: return "send";
        case Access::kDecide: return "decide";
        case Access::kRead: return "read";
        case Access::kWrite: return "write";
        case Access::kAdmin: return "admin";
    }
    return "admin";
}

const char* Name(Type type) {
    switch (type) {
        case Type::kText: return "text";
        case Type::kId: return "id";
        case Type::kInteger: return "integer";
        case Type::kNumber: return "number";
        case Type::kBoolean: return "boolean";
        case Type::kTime: return "time";
        case Type::kJson: return "json";
        case Type::kTexts: return "texts";
    }
    return "text";
}

Route PulseRoute(std::string_view method, std::string_view path, Access access, std::string_view summary,
                 std::string_view sql, std::vector<Parameter> parameters, std::string_view then) {
    return {.method = method,
            .path = path,
            .access = access,
            .read_only = method == "GET",
            .status = method == "DELETE" ? 204 : 200,
            .summary = summary,
            .sql = sql,
            .parameters = std::move(parameters),
            .then = then};
}

Route StratumRoute(std::string_view method, std::string_view path, Access access, std::string_view summary,
                   std::string_view sql, std::vector<Parameter> parameters, std::string_view then) {
    Route route = PulseRoute(method, path, access, summary, sql, std::move(parameters), then);
    route.family = Family::kStratum;
    route.read_only = access == Access::kRead;
    return route;
}

const std::vector<Route>& Routes() {
    static const std::vector<Route> routes = [] {
        std::vector<Route> all;
        for (const auto& list :
             {ServiceRoutes,  EventRoutes,          OfrepRoutes,        SegmentRoutes,    RequestRoutes,
              ChangeRoutes,   TableRoutes,          DefinitionRoutes,   UserRoutes,       InsightRoutes,
              StratumRoutes,  StratumSegmentRoutes, EventQualityRoutes, RfmRoutes,        FunnelRoutes,
              PrivacyRoutes,  AuditRoutes,          ConsentRoutes,      TrustRoutes,      ActionRoutes,
              CampaignRoutes, ExportRoutes,         AudienceRoutes,     SessionRoutes,    OverviewRoutes,
              HistoryRoutes,  BuilderRoutes,        PeopleRoutes,       TraitRoutes,      FlagRoutes,
              SyncRoutes,     GateRoutes,           DeliveryRoutes,     JobRoutes,        KeyRoutes,
              SettingRoutes,  TableViewRoutes,      EventViewRoutes,    InsightViewRoutes}) {
            std::vector<Route> some = list();
            all.insert(all.end(), some.begin(), some.end());
        }
        return all;
    }();
    return routes;
}

}  // namespace pulse::web
