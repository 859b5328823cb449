// Finding the ids of people in texts and bytes: as they are, in their normal forms, and as the hashes that
// platforms get. Pure C++.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pulse::profile {

// SHA-256 as 32 bytes.
std::string Sha256(std::string_view text);

// The texts that platforms hash for an id: trimmed and lower case; a phone number with and without its +; an
// address of Gmail also without dots and what follows a + before the @.
std::vector<std::string> HashedForms(std::string_view identifier);

// Looks for many ids at once, in one pass. Case is ignored for ASCII.
class IdentifierSearch {
  public:
    // `owner` is whose id it is. An id is found where it stands by itself: not within a longer word or
    // address. One of fewer than 8 characters that is no address counts only as a whole value: between quotes
    // or commas, or as all of the text. Its hashes, in hexadecimal digits and as bytes, count anywhere.
    void Add(size_t owner, std::string_view identifier);

    bool empty() const { return needles_.empty(); }
    // The owners whose ids the text has, each once.
    std::vector<size_t> Find(std::string_view text) const;
    bool Finds(std::string_view text) const;

  private:
    enum class Where : uint8_t { kAnywhere, kWord, kAddress, kValue };
    struct Needle {
        std::string bytes;  // ASCII letters in lower case
        size_t owner;
        Where where;
    };

    void AddNeedle(size_t owner, std::string bytes, Where where);
    template <typename Found>
    void Scan(std::string_view text, Found found) const;
    static bool Fits(const Needle& needle, std::string_view text, size_t at);

    std::vector<Needle> needles_;
    // By length of the key (the first bytes, at most 4) and key.
    std::array<std::unordered_map<uint32_t, std::vector<uint32_t>>, 5> by_key_;
    // Whether a needle begins with these two bytes; with one byte only, whatever follows.
    std::vector<bool> begins_ = std::vector<bool>(65536);
    bool shortest_is_one_ = false;
};

}  // namespace pulse::profile
