// What the ways to the k best items by inner product share: what is asked, and the items by falling norm.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace serendip {

using std::int32_t;
using std::int64_t;

struct Ask {
    const float *q, *y;               // (users, rank), (n, rank)
    const float* bias;                // (n,) or null
    const int32_t* tie;               // (n,)
    const int64_t* indptr;            // (users + 1,) or null
    const int32_t* indices;           // what the users must not get
    int32_t* item;                    // (users, k)
    float* score;                     // (users, k)
    int64_t users, n, rank, k;
    int threads;
};

// Items in buckets by the leading bits of their norms: order within a bucket is of no use, so one pass sorts.
struct ByNorm {
    static constexpr int64_t block = 256;

    // norms: (n,) none smaller than it is, none NaN.
    explicit ByNorm(const std::vector<float>& norms) : order(norms.size()) {
        constexpr std::uint32_t top = std::bit_cast<std::uint32_t>(std::numeric_limits<float>::infinity()) >> 15;
        const auto bucket = [&](std::size_t i) { return top - (std::bit_cast<std::uint32_t>(norms[i]) >> 15); };
        std::vector<int32_t> begin(top + 2);
        for (std::size_t i = 0; i < norms.size(); ++i) ++begin[bucket(i) + 1];
        for (std::size_t b = 1; b < begin.size(); ++b) begin[b] += begin[b - 1];
        for (std::size_t i = 0; i < norms.size(); ++i)
            order[static_cast<std::size_t>(begin[bucket(i)]++)] = static_cast<int32_t>(i);
        const auto n = static_cast<int64_t>(norms.size());
        longest.assign(static_cast<std::size_t>((n + block - 1) / block), 0);
        float most = 0;
        for (int64_t i = n; i-- > 0;) {
            most = std::max(most, norms[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
            longest[static_cast<std::size_t>(i / block)] = static_cast<double>(most);
        }
    }

    std::vector<int32_t> order;
    std::vector<double> longest;  // by block: what no norm in it or after it exceeds
};

}  // namespace serendip
