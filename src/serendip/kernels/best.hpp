// What the exact top-k kernels share: candidates in their order, the k best of them, items left out, and norms.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace serendip {

using std::int32_t;
using std::int64_t;

struct Candidate {
    float score;
    int32_t tie, item;
    bool operator<(const Candidate& other) const {  // "comes before"
        if (score != other.score) return score > other.score;
        if (tie != other.tie) return tie < other.tie;
        return item < other.item;
    }
};

// The k best of what was offered. A few are kept sorted; otherwise candidates gather until there are about 2k, then the
// better k stay: constant time each.
class Best {
public:
    explicit Best(int64_t k) : k_(k), room_(2 * k + 32) {}

    float floor() const { return floor_; }  // what scores less cannot enter

    bool admits(const Candidate& c) const { return !full_ || c < worst_; }

    void add(const Candidate& c) {
        if (k_ > sorted_) {
            kept_.push_back(c);
            if (static_cast<int64_t>(kept_.size()) >= room_) settle();
            return;
        }
        if (full_) kept_.pop_back();
        kept_.push_back(c);
        for (auto at = kept_.end() - 1; at != kept_.begin() && c < *(at - 1); --at) std::swap(*at, *(at - 1));
        if (static_cast<int64_t>(kept_.size()) == k_) stay();
    }

    // Keeps the k best alone, so that the floor is as high as what was offered allows.
    void settle() {
        const auto many = static_cast<int64_t>(kept_.size());
        if (k_ <= sorted_ || many < k_ || (full_ && many - k_ <= k_ / 8)) return;
        std::nth_element(kept_.begin(), kept_.begin() + (k_ - 1), kept_.end());
        kept_.resize(static_cast<std::size_t>(k_));
        stay();
    }

    void take(const Best& other) {
        for (const Candidate& c : other.kept_)
            if (admits(c)) add(c);
    }

    // Writes the answer (padded with -1 and NaN) and starts anew.
    void finish(int32_t* item, float* score) {
        std::sort(kept_.begin(), kept_.end());
        const auto found = std::min(k_, static_cast<int64_t>(kept_.size()));
        for (int64_t r = 0; r < k_; ++r) {
            item[r] = r < found ? kept_[static_cast<std::size_t>(r)].item : -1;
            score[r] = r < found ? kept_[static_cast<std::size_t>(r)].score : std::numeric_limits<float>::quiet_NaN();
        }
        kept_.clear();
        floor_ = -std::numeric_limits<float>::infinity();
        full_ = false;
    }

private:
    void stay() {
        worst_ = kept_.back();
        floor_ = worst_.score;
        full_ = true;
    }

    static constexpr int64_t sorted_ = 24;  // so many are kept sorted
    int64_t k_, room_;
    std::vector<Candidate> kept_;
    Candidate worst_{};
    float floor_ = -std::numeric_limits<float>::infinity();
    bool full_ = false;
};

// The items that each of the users [begin, end) must not get, sorted. A kernel keeps one a thread.
class Excluded {
public:
    Excluded(const int64_t* indptr, const int32_t* indices) : indptr_(indptr), indices_(indices) {}

    void read(int64_t begin, int64_t end) {
        if (indptr_ == nullptr) return;
        base_ = begin;
        items_.assign(indices_ + indptr_[begin], indices_ + indptr_[end]);
        for (int64_t u = begin; u < end; ++u) {
            const auto first = at(u), last = at(u + 1);
            if (!std::is_sorted(first, last)) std::sort(first, last);
        }
    }

    bool has(int64_t user, int32_t item) {
        return indptr_ != nullptr && std::binary_search(at(user), at(user + 1), item);
    }

private:
    std::vector<int32_t>::iterator at(int64_t user) { return items_.begin() + (indptr_[user] - indptr_[base_]); }

    const int64_t* indptr_;
    const int32_t* indices_;
    int64_t base_ = 0;
    std::vector<int32_t> items_;
};

inline double norm(const float* v, int64_t rank) {  // an overflow or a NaN makes a bound that prunes nothing
    double s = 0;
    for (int64_t f = 0; f < rank; ++f) s += static_cast<double>(v[f]) * v[f];
    return std::isnan(s) ? std::numeric_limits<double>::infinity() : std::sqrt(s);
}

}  // namespace serendip
