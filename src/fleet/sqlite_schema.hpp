// The tables, and how older ones become today's.
#pragma once

#include "fleet/sqlite.hpp"

namespace aloft::fleet {

// Brings the database up to this program's schema, each step in one transaction with its number in user_version. Errors: kStoreTooNew
// when a newer program has written it.
// `to` stops at an older schema, for tests of what comes behind it.
Result<> migrate(Database& database, std::size_t to = SIZE_MAX);

}  // namespace aloft::fleet
