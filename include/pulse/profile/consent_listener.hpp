// Announces to later rooms whose consent has changed. Pure C++.
#pragma once

#include <cstdint>
#include <vector>

namespace pulse::profile {

// `people`: canonical ids, each once. Called in the transaction that records the change, after it is written,
// with a pg::Session as pg::Identity::Owner() open.
using ConsentListener = void (*)(const std::vector<int64_t>& people);

// When the library is loaded; all that are registered are called. Returns true, so that a constant can do it.
bool ListenToConsent(ConsentListener listener);
void AnnounceConsent(const std::vector<int64_t>& people);

}  // namespace pulse::profile
