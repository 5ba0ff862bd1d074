// One epoch of learning to rank from pairs by stochastic gradient descent: BPR (Rendle et al., UAI 2009) and WARP
// (Weston, Bengio, Usunier, IJCAI 2011).
//
// Users and items are dealt into groups; block (g, h) holds the positives of user group g and item group h, and its
// negatives are drawn from item group h too. So the blocks of one stratum (Gemulla et al., KDD 2011) share neither
// users nor items: threads never meet, the result does not depend on how many there are, and a block's rows stay in the
// cache. The item groups are drawn anew for each epoch, so that any two items meet. Every draw is a hash of the epoch's
// key and of a counter.

#include <nanobind/nanobind.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "arrays.hpp"
#include "strata.hpp"

namespace nb = nanobind;

namespace serendip {

constexpr uint64_t golden = 0x9E3779B97F4A7C15u;
constexpr uint64_t draws = 64;  // at most so many for a negative of BPR, then the pair is passed over

inline uint64_t mix(uint64_t x) {  // splitmix64
    x += golden;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}
inline uint64_t below(uint64_t random, uint64_t n) { return ((random >> 32) * n) >> 32; }  // n < 2^32

// The items that each user took: a filter of 8 to 16 bits an item says no at once for most items; the sorted rows
// decide.
struct Taken {
    const int64_t* begin;  // (n_users + 1,)
    const int32_t* item;
    const int64_t* word;  // (n_users + 1,) where each user's words of the filter begin
    uint64_t* bits;

    uint64_t bit(int64_t user, int32_t i) const {
        const auto size = static_cast<uint64_t>(word[user + 1] - word[user]) * 64;
        return below((static_cast<uint32_t>(i) * 0x9E3779B1ull & 0xFFFFFFFFu) << 32, size);
    }
    void add(int64_t user, int32_t i) const {
        const uint64_t b = bit(user, i);
        bits[word[user] + static_cast<int64_t>(b / 64)] |= uint64_t{1} << (b % 64);
    }
    bool has(int64_t user, int32_t i) const {
        const uint64_t b = bit(user, i);
        if (!(bits[word[user] + static_cast<int64_t>(b / 64)] >> (b % 64) & 1)) return false;
        return std::binary_search(item + begin[user], item + begin[user + 1], i);
    }
};

struct Pairs {
    int32_t *user, *item;           // (N,) by user group; each group's are put in the order of this epoch
    const int64_t* begin;           // (side + 1,) of the user groups
    const uint16_t* item_group;     // (n_items,)
    const int32_t* negative;        // items to draw from, by item group
    const int64_t* negative_begin;  // (side + 1,)
    int64_t side;
};

struct Parameters {
    float *p, *q, *bias;           // (n_users, width), (n_items, width), (n_items,)
    float *p_squares, *q_squares;  // (n_users,), (n_items,) squared gradients so far, of WARP
    int64_t width;
};

struct Steps {
    float learning_rate, l2, l2_bias;
    int64_t sampled;      // WARP: negatives drawn for a pair at most,
    const float* weight;  // (sampled,) and the weight of a pair by the draws before the one that was found
};

struct Block {
    const int32_t *user, *item;  // (n,)
    int64_t n;
    const int32_t* negative;
    uint64_t n_negative, key;

    int32_t draw(int64_t t, uint64_t attempt) const {  // BPR: any of them
        return negative[below(mix(key + static_cast<uint64_t>(t) * draws + attempt), n_negative)];
    }
    // WARP: one draw a pair, a place in the order that the epoch dealt, and from there on one after the other.
    uint64_t place(int64_t t) const { return below(mix(key + static_cast<uint64_t>(t)), n_negative); }
    int32_t after(uint64_t at, int64_t k) const {
        at += static_cast<uint64_t>(k);
        return negative[at < n_negative ? at : at % n_negative];
    }
};

}  // namespace serendip

#define SERENDIP_KERNEL "pairwise_rows.hpp"
#include "each_isa.hpp"

namespace {

using serendip::below, serendip::mix, serendip::Pairs, serendip::Taken;

// Put the pairs of user group g in order of item group, at random within it; where its blocks begin goes to `begin`.
void order(const Pairs& pairs, int64_t g, uint64_t key, std::vector<int32_t>& scratch, int64_t* begin) {
    const int64_t from = pairs.begin[g], n = pairs.begin[g + 1] - from, side = pairs.side;
    int32_t *user = pairs.user + from, *item = pairs.item + from;
    scratch.resize(2 * static_cast<size_t>(n));
    std::copy_n(user, n, scratch.data());
    std::copy_n(item, n, scratch.data() + n);
    std::vector<int64_t> next(side + 1, 0);
    for (int64_t t = 0; t < n; ++t) ++next[pairs.item_group[item[t]] + 1];
    std::partial_sum(next.begin(), next.end(), next.begin());
    for (int64_t h = 0; h <= side; ++h) begin[h] = from + next[h];
    for (int64_t t = 0; t < n; ++t) {
        const int32_t i = scratch[n + t];
        const int64_t to = next[pairs.item_group[i]]++;
        user[to] = scratch[t];
        item[to] = i;
    }
    for (int64_t h = 0; h < side; ++h) {  // Fisher, Yates
        const uint64_t own = mix(key + static_cast<uint64_t>(g * side + h));
        for (int64_t t = begin[h + 1] - from - 1, low = begin[h] - from; t > low; --t) {
            const auto r = low + static_cast<int64_t>(below(mix(own + static_cast<uint64_t>(t - low)), t - low + 1));
            std::swap(user[t], user[r]);
            std::swap(item[t], item[r]);
        }
    }
}

using serendip::In, serendip::InOut;

double epoch(bool is_bpr, InOut<int32_t, 1> user, InOut<int32_t, 1> item, In<int64_t, 1> begin,
             In<uint16_t, 1> item_group, In<int32_t, 1> negative, In<int64_t, 1> negative_begin, In<int64_t, 1> shift,
             In<int64_t, 1> indptr, In<int32_t, 1> indices, In<int64_t, 1> word, InOut<uint64_t, 1> bits,
             InOut<float, 2> p, InOut<float, 2> q, InOut<float, 1> bias, InOut<float, 1> p_squares,
             InOut<float, 1> q_squares, uint64_t key, float learning_rate, float l2, float l2_bias, In<float, 1> weight,
             int threads) {
    const auto side = static_cast<int64_t>(shift.shape(0));
    const Pairs pairs{user.data(),     item.data(),           begin.data(), item_group.data(),
                      negative.data(), negative_begin.data(), side};
    const Taken taken{indptr.data(), indices.data(), word.data(), bits.data()};
    const serendip::Parameters parameters{
        p.data(), q.data(), bias.data(), p_squares.data(), q_squares.data(), static_cast<int64_t>(p.shape(1))};
    const serendip::Steps steps{learning_rate, l2, l2_bias, static_cast<int64_t>(weight.shape(0)), weight.data()};
    const auto learn = is_bpr ? SERENDIP_CHOOSE(bpr) : SERENDIP_CHOOSE(warp);
    std::vector<int64_t> at(side * (side + 1));
    std::vector<std::vector<int32_t>> scratch(std::max(threads, 1));
    serendip::parallel_for(side, 1, threads, [&](int64_t first, int64_t last, int thread) {
        for (int64_t g = first; g < last; ++g) order(pairs, g, mix(key), scratch[thread], &at[g * (side + 1)]);
    });
    std::vector<double> loss(side * side, 0);
    serendip::for_strata(side, shift.data(), threads, [&](int64_t g, int64_t h) {
        const int64_t from = at[g * (side + 1) + h];
        const serendip::Block block{pairs.user + from,
                          pairs.item + from,
                          at[g * (side + 1) + h + 1] - from,
                          pairs.negative + pairs.negative_begin[h],
                          static_cast<uint64_t>(pairs.negative_begin[h + 1] - pairs.negative_begin[h]),
                          mix(mix(key + 1) + static_cast<uint64_t>(g * side + h))};
        if (block.n_negative > 0) loss[g * side + h] = learn(block, taken, parameters, steps);
    });
    if (PyErr_CheckSignals() != 0) throw nb::python_error();  // an epoch may be too short to be asked within
    return std::accumulate(loss.begin(), loss.end(), 0.0);
}

void filter(In<int64_t, 1> indptr, In<int32_t, 1> indices, In<int64_t, 1> word, InOut<uint64_t, 1> bits, int threads) {
    const Taken taken{indptr.data(), indices.data(), word.data(), bits.data()};
    serendip::parallel_for(static_cast<int64_t>(indptr.shape(0)) - 1, 1024, threads, [&](int64_t u, int64_t end, int) {
        for (; u < end; ++u)
            for (int64_t t = taken.begin[u]; t < taken.begin[u + 1]; ++t) taken.add(u, taken.item[t]);
    });
}

}  // namespace

void bind_pairwise(nb::module_& module) {
    module.def("pairwise_epoch", &epoch, nb::arg("is_bpr"), nb::arg("user").noconvert(), nb::arg("item").noconvert(),
               nb::arg("begin").noconvert(), nb::arg("item_group").noconvert(), nb::arg("negative").noconvert(),
               nb::arg("negative_begin").noconvert(), nb::arg("shift").noconvert(), nb::arg("indptr").noconvert(),
               nb::arg("indices").noconvert(), nb::arg("word").noconvert(), nb::arg("bits").noconvert(),
               nb::arg("p").noconvert(), nb::arg("q").noconvert(), nb::arg("bias").noconvert(),
               nb::arg("p_squares").noconvert(), nb::arg("q_squares").noconvert(), nb::arg("key"),
               nb::arg("learning_rate"), nb::arg("l2"), nb::arg("l2_bias"), nb::arg("weight").noconvert(),
               nb::arg("threads"));
    module.def("pairwise_filter", &filter);
}
