// The most similar rows of every row, kept while any thread offers more.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

namespace serendip {

using std::int32_t;
using std::int64_t;
using std::size_t;
using std::uint32_t;
using std::uint64_t;

// A row offered as one integer, larger for better: the similarity's bits, then the tie. (The bits of floats of one sign
// are in the order of the floats.) Never 0.
inline uint64_t key(float similarity, int32_t tie) {
    const uint32_t bits = std::bit_cast<uint32_t>(similarity);
    return static_cast<uint64_t>(bits >> 31 ? ~bits : bits | 1u << 31) << 32 |
           (UINT32_MAX - static_cast<uint32_t>(tie));
}

inline float similarity_of(uint64_t key) {
    const uint32_t bits = static_cast<uint32_t>(key >> 32);
    return std::bit_cast<float>(bits >> 31 ? bits ^ 1u << 31 : ~bits);
}

inline int32_t tie_of(uint64_t key) { return static_cast<int32_t>(UINT32_MAX - static_cast<uint32_t>(key)); }

// Put the k largest of distinct numbers first, 0 < k < their count: quickselect whose partition does not branch, because
// every other guess would be wrong.
inline void lead(std::vector<uint64_t>& v, size_t k) {
    size_t low = 0, high = v.size();
    for (int round = 0; round < 64; ++round) {
        std::swap(v[low + (high - low) / 2], v[high - 1]);
        const uint64_t pivot = v[high - 1];
        size_t larger = low;
        for (size_t t = low; t + 1 < high; ++t) {
            const uint64_t x = v[t];
            v[t] = v[larger];
            v[larger] = x;
            larger += x > pivot;
        }
        std::swap(v[larger], v[high - 1]);  // the pivot's place
        if (larger == k || larger + 1 == k) return;
        if (larger > k)
            high = larger;
        else
            low = larger + 1;
    }
    std::nth_element(v.begin(), v.begin() + static_cast<int64_t>(k - 1), v.end(), std::greater<>());
}

// The best k of what each row is offered, under a total order, so that the order of the offers does not matter.
class Lists {
    struct List {
        std::atomic_flag busy;
        std::atomic<uint64_t> worst{0};  // the k-th of those that were kept at the last cut
        std::vector<uint64_t> kept;
    };
    size_t k, room;
    std::vector<List> lists;

    void cut(List& list) const {
        if (list.kept.size() <= k) return;
        lead(list.kept, k);
        list.kept.resize(k);
        list.worst.store(*std::min_element(list.kept.begin(), list.kept.end()), std::memory_order_relaxed);
    }

public:
    Lists(int64_t n, int64_t k) : k(static_cast<size_t>(std::min(k, n))), room(2 * this->k), lists(n) {}

    // What is less similar, by more than rounding, cannot enter.
    float floor(int64_t row) const {
        const uint64_t worst = lists[row].worst.load(std::memory_order_relaxed);
        return worst == 0 ? 0 : std::max(0.0f, similarity_of(worst));
    }

    void offer(int64_t row, uint64_t candidate) {
        List& list = lists[row];
        if (candidate < list.worst.load(std::memory_order_relaxed)) return;
        while (list.busy.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
        list.kept.push_back(candidate);
        if (list.kept.size() == room) cut(list);
        list.busy.clear(std::memory_order_release);
    }

    size_t size(int64_t row) const { return std::min(k, lists[row].kept.size()); }

    void close(int64_t row) {  // nothing more will be offered
        cut(lists[row]);
        lists[row].kept.shrink_to_fit();
    }

    std::vector<uint64_t> take(int64_t row) {  // in no order; leaves nothing behind
        cut(lists[row]);
        return std::exchange(lists[row].kept, {});
    }
};

}  // namespace serendip
