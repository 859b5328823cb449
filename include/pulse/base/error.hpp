// Errors reported to the user. Pure C++: the bridge turns them into ereport(ERROR).
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace pulse {

// SQLSTATEs that are raised or checked, in the order of their codes. PostgreSQL's own are in
// utils/errcodes.h.
namespace sqlstate {
inline constexpr const char* kCannotConnect = "08001";
inline constexpr const char* kConnectionLost = "08006";
inline constexpr const char* kNotSupported = "0A000";
inline constexpr const char* kNumberOutOfRange = "22003";
inline constexpr const char* kNullValue = "22004";
inline constexpr const char* kInvalidDatetime = "22007";
inline constexpr const char* kDivisionByZero = "22012";
inline constexpr const char* kInvalidEncoding = "22021";
inline constexpr const char* kInvalidParameter = "22023";
inline constexpr const char* kInvalidText = "22P02";
inline constexpr const char* kUniqueViolation = "23505";
inline constexpr const char* kActiveTransaction = "25001";
inline constexpr const char* kReadOnlyTransaction = "25006";
inline constexpr const char* kInvalidAuthorization = "28000";
inline constexpr const char* kDependentObjects = "2BP01";
inline constexpr const char* kProhibitedStatement = "2F003";
inline constexpr const char* kSerializationFailure = "40001";
inline constexpr const char* kDeadlockDetected = "40P01";
inline constexpr const char* kInsufficientPrivilege = "42501";
inline constexpr const char* kSyntaxError = "42601";
inline constexpr const char* kInvalidName = "42602";
inline constexpr const char* kDuplicateColumn = "42701";
inline constexpr const char* kUndefinedColumn = "42703";
inline constexpr const char* kUndefinedObject = "42704";
inline constexpr const char* kDuplicateObject = "42710";
inline constexpr const char* kDatatypeMismatch = "42804";
inline constexpr const char* kWrongObjectType = "42809";
inline constexpr const char* kUndefinedFunction = "42883";
inline constexpr const char* kUndefinedTable = "42P01";
inline constexpr const char* kInvalidDefinition = "42P17";
inline constexpr const char* kInsufficientResources = "53000";
inline constexpr const char* kTooManyConnections = "53300";
inline constexpr const char* kProgramLimit = "54000";
inline constexpr const char* kNotReady = "55000";
inline constexpr const char* kLockNotAvailable = "55P03";
inline constexpr const char* kQueryCanceled = "57014";
inline constexpr const char* kInvalidOptionName = "HV00D";
inline constexpr const char* kInternalError = "XX000";
inline constexpr const char* kDataCorrupted = "XX001";

// Whether a lock of another session caused the error: a retry may succeed.
inline bool IsLockFailure(std::string_view state) {
    return state == kLockNotAvailable || state == kDeadlockDetected;
}
}  // namespace sqlstate

// An error that a user caused or must know about. Message: lower case, no full stop.
// Detail and hint: full sentences; the detail holds the offending value, the hint says what to do.
class UserError : public std::exception {
  public:
    UserError(const char* state, std::string message, std::string detail = "", std::string hint = "")
        : state_(state), message_(std::move(message)), detail_(std::move(detail)), hint_(std::move(hint)) {}

    const char* what() const noexcept override { return message_.c_str(); }
    const std::string& state() const noexcept { return state_; }
    const std::string& message() const noexcept { return message_; }
    const std::string& detail() const noexcept { return detail_; }
    const std::string& hint() const noexcept { return hint_; }

  private:
    std::string state_, message_, detail_, hint_;
};

[[noreturn]] inline void ThrowInvalid(const std::string& message, const std::string& detail = "",
                                      const std::string& hint = "") {
    throw UserError(sqlstate::kInvalidParameter, message, detail, hint);
}

}  // namespace pulse
