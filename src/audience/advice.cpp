#include "pulse/audience/advice.hpp"

namespace pulse::audience {

namespace {

std::string TermsAdvice(Platform platform) {
    if (platform == Platform::kMeta)
        return "Accept the terms of custom audiences for this ad account in Meta's Ads Manager.";
    if (platform == Platform::kGoogle)
        return "Accept the terms of Customer Match for this account in Google Ads.";
    return std::string("Accept the terms of audiences for this account on ") + Title(platform) + ".";
}

std::string PermissionAdvice(Platform platform) {
    const std::string all = "Give the login of this destination ";
    switch (platform) {
        case Platform::kMeta: return all + "the permission ads_management and a role in the ad account.";
        case Platform::kGoogle:
            return all +
                   "access to the account, or to the manager account in login_account, with the scope "
                   "datamanager.";
        case Platform::kTiktok: return all + "the permission to manage audiences of this advertiser.";
        default: return all + "the right to manage audiences of this account.";
    }
}

}  // namespace

std::string AdviceFor(Platform platform, Need need) {
    switch (need) {
        case Need::kTerms: return TermsAdvice(platform);
        case Need::kPermission: return PermissionAdvice(platform);
        case Need::kAccount:
            return std::string("Ask ") + Title(platform) +
                   " why the account is disabled or blocked, and correct the option account if it is the wrong "
                   "one.";
        case Need::kAllowlist:
            return std::string("Ask ") + Title(platform) + " to admit this account to customer lists.";
        case Need::kDeclaration:
            return "Declare in the account's settings in Google Ads whether it has political advertising in "
                   "the European Union.";
        case Need::kShared:
            return "Share the audience with this ad account, or create another one with "
                   "pulse_create_audience().";
        case Need::kReceiver:
            return "Let the receiver accept requests of this sender, or correct url and secret of the user "
                   "mapping.";
    }
    return "";
}

std::string FlaggedAdvice() {
    return "Name and description must not hint at health or money: change them there and with "
           "pulse_update_audience(), or ask Meta for a review.";
}

std::string LoginAdvice(Platform platform) {
    const bool renews = platform == Platform::kGoogle || platform == Platform::kSnapchat;
    const std::string what = platform == Platform::kWebhook ? "url and secret"
                             : renews                       ? "the new refresh_token"
                                                            : "the new access_token";
    return std::string("Log in again on ") + Title(platform) + " and set " + what +
           " with ALTER USER MAPPING; pulse_test_destination() tells whether it works.";
}

}  // namespace pulse::audience
