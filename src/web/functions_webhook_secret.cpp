// SQL functions for the secrets of webhooks that come in.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/web/store_webhook_secret.hpp"

namespace pg = pulse::pg;
namespace web = pulse::web;

PULSE_FUNCTION(pulse_set_webhook_secret) {
    const pg::Args args(fcinfo);
    pg::ShowActivity("SELECT pulse_set_webhook_secret(...)");
    std::string secret;
    pg::HideStatement([&] {
        pg::RequireWritable("pulse_set_webhook_secret()");
        secret = web::SetWebhookSecret(args.RequireText(0, "key"), args.Text(1));
    });
    return pg::FromText(secret);
}

PULSE_WRITING_FUNCTION(pulse_delete_webhook_secret) {
    web::DeleteWebhookSecret(pg::Args(fcinfo).RequireText(0, "key"));
    PG_RETURN_VOID();
}
